// The largest singular values of a weight and their vectors: block Lanczos with full reorthogonalisation, restarted
// with the best vectors found (Musco and Musco 2015, arXiv:1504.05477; Wu and Simon 2000). All sums are in float64.
import { normalNumbers } from './normal-numbers.ts';
import { symmetricEigen } from './symmetric-eigen.ts';

/** U [rank, out] and V [rank, in] hold one vector per singular value, largest first. */
export type PrincipalPart = { values: Float64Array; left: Float64Array[]; right: Float64Array[] };

export type PrincipalOptions = {
  seed: number;
  /** So many subspace iterations (Halko et al. 2011, arXiv:0909.4061) instead of going on until it has converged. */
  iterations?: number | undefined;
};

/** Vectors q of the shorter side with their images: p = W' q, r = W p (or the other way round for tall weights). */
type Space = { q: Float64Array[]; p: Float64Array[]; r: Float64Array[] };

/** Residual of an eigenvector of W W', over the largest eigenvalue. */
const tolerance = 1e-7;

/** `weight` is [out, in] row by row; rank is at most the smaller of them. */
export function principalPart(
  weight: Float32Array,
  shape: readonly [number, number],
  rank: number,
  { seed, iterations }: PrincipalOptions,
): PrincipalPart {
  const isWide = shape[0] <= shape[1];
  const short = Math.min(...shape);
  if (rank > short) throw new Error(`${rank} singular values of a [${shape.join(', ')}] weight`);
  const imagesOf = (q: Float64Array[]): Space => {
    const p = isWide ? timesRows(weight, shape, q) : timesColumns(weight, shape, q);
    return { q, p, r: isWide ? timesColumns(weight, shape, p) : timesRows(weight, shape, p) };
  };
  const random = normalNumbers(seed);
  const randomVectors = (count: number): Float64Array[] =>
    Array.from({ length: count }, () => Float64Array.from({ length: short }, random));

  if (iterations !== undefined) {
    let space = imagesOf(orthonormal([], randomVectors(rank)));
    // Once more than asked for: they begin after a first product with the weight.
    for (let i = 0; i <= iterations; i++) space = imagesOf(completed(orthonormal([], space.r), rank, randomVectors));
    return singular(ritz(space, rank).space, isWide);
  }
  const block = Math.min(short, Math.max(8, Math.min(rank, 32)));
  const keep = Math.min(short, rank + 8);
  const limit = Math.min(short, keep + 6 * block);
  let space = imagesOf(orthonormal([], randomVectors(block)));
  let fresh = space.r;
  for (;;) {
    while (space.q.length < limit) {
      const room = limit - space.q.length;
      let found = orthonormal(space.q, fresh.slice(0, room));
      // Nothing new: the space is closed under W W', which may have missed copies of an eigenvalue.
      if (found.length === 0) found = orthonormal(space.q, randomVectors(Math.min(room, block)));
      if (found.length === 0) break;
      const more = imagesOf(found);
      space = { q: [...space.q, ...more.q], p: [...space.p, ...more.p], r: [...space.r, ...more.r] };
      fresh = more.r;
    }
    const best = ritz(space, keep);
    const [largest = 0] = best.eigenvalues;
    const isConverged = best.residuals.slice(0, rank).every((residual) => residual <= tolerance * largest);
    if (isConverged || space.q.length >= short) return singular(first(best.space, rank), isWide);
    space = best.space;
    fresh = space.r.slice(0, block);
  }
}

/** The `count` best approximations of eigenvectors of W W' in a space (Rayleigh-Ritz), largest first. */
function ritz({ q, p, r }: Space, count: number): { space: Space; eigenvalues: Float64Array; residuals: number[] } {
  const gram = Float64Array.from({ length: p.length ** 2 }, (_, i) => {
    const [row, column] = [Math.floor(i / p.length), i % p.length];
    return dot(p[row] ?? none, p[column] ?? none);
  });
  const { values, vectors } = symmetricEigen(gram, p.length);
  const mixed = (from: Float64Array[]): Float64Array[] => vectors.slice(0, count).map((weights) => mix(from, weights));
  const space = { q: mixed(q), p: mixed(p), r: mixed(r) };
  const residuals = space.r.map((image, i) => {
    const vector = space.q[i] ?? none;
    const value = values[i] ?? 0;
    return Math.sqrt(image.reduce((sum, x, j) => sum + (x - value * (vector[j] ?? 0)) ** 2, 0));
  });
  return { space, eigenvalues: values, residuals };
}

/** Singular values and vectors from eigenvectors q of W W' and p = W' q = value * v. */
function singular({ q, p }: Space, isWide: boolean): PrincipalPart {
  const values = Float64Array.from(p, (image) => Math.sqrt(dot(image, image)));
  const others = p.map((image, i) => image.map((x) => (values[i] ? x / values[i] : 0)));
  return isWide ? { values, left: q, right: others } : { values, left: others, right: q };
}

function first({ q, p, r }: Space, count: number): Space {
  return { q: q.slice(0, count), p: p.slice(0, count), r: r.slice(0, count) };
}

/** Where a weight has fewer directions than asked for, any others fill up. */
function completed(
  vectors: Float64Array[],
  count: number,
  randomVectors: (count: number) => Float64Array[],
): Float64Array[] {
  const missing = count - vectors.length;
  return missing === 0 ? vectors : [...vectors, ...orthonormal(vectors, randomVectors(missing))];
}

const none = new Float64Array(0);

/** What `vectors` add to an orthonormal basis, orthonormal (Gram-Schmidt, twice). */
function orthonormal(basis: readonly Float64Array[], vectors: readonly Float64Array[]): Float64Array[] {
  const found: Float64Array[] = [];
  for (const vector of vectors) {
    const rest = vector.slice();
    const size = Math.sqrt(dot(rest, rest));
    for (let pass = 0; pass < 2; pass++)
      for (const other of [...basis, ...found]) addScaled(rest, other, -dot(rest, other));
    const left = Math.sqrt(dot(rest, rest));
    // What is left of a vector that was in the space already is rounding.
    if (left <= 1e-11 * size) continue;
    found.push(rest.map((x) => x / left));
  }
  return found;
}

/** x -> W x for each x [in]. */
function timesColumns(
  weight: Float32Array,
  [out, width]: readonly [number, number],
  xs: Float64Array[],
): Float64Array[] {
  const results = xs.map(() => new Float64Array(out));
  for (let row = 0; row < out; row++) {
    const values = weight.subarray(row * width, (row + 1) * width);
    for (const [k, x] of xs.entries()) {
      const result = results[k];
      if (result) result[row] = dot(values, x);
    }
  }
  return results;
}

/** x -> W' x for each x [out]. */
function timesRows(weight: Float32Array, [out, width]: readonly [number, number], xs: Float64Array[]): Float64Array[] {
  const results = xs.map(() => new Float64Array(width));
  for (let row = 0; row < out; row++) {
    const values = weight.subarray(row * width, (row + 1) * width);
    for (const [k, x] of xs.entries()) addScaled(results[k] ?? none, values, x[row] ?? 0);
  }
  return results;
}

function mix(vectors: readonly Float64Array[], weights: Float64Array): Float64Array {
  const result = new Float64Array(vectors[0]?.length ?? 0);
  for (const [i, vector] of vectors.entries()) addScaled(result, vector, weights[i] ?? 0);
  return result;
}

function dot(a: Float32Array | Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < b.length; i++) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return sum;
}

function addScaled(into: Float64Array, values: Float32Array | Float64Array, factor: number): void {
  for (let i = 0; i < into.length; i++) into[i] = (into[i] ?? 0) + factor * (values[i] ?? 0);
}
