// Dimensions of a shape: whole numbers, or polynomials over named sizes that are known only when a batch arrives
// ("batch", "seq", "batch*seq"). Equality is decided on a canonical form; values are filled in by the host.

export type Dim = number | SymbolicDim;
export type Shape = readonly Dim[];
/** Values of the named sizes of one run, for example {batch: 2, seq: 256}. */
export type DimBindings = Readonly<Record<string, number>>;

/** A polynomial with integer coefficients. Keys of `terms` are sorted products of names; '' is the constant term. */
export class SymbolicDim {
  readonly terms: ReadonlyMap<string, number>;
  readonly text: string;

  constructor(terms: ReadonlyMap<string, number>) {
    this.terms = terms;
    this.text = [...terms]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([names, factor]) => (names === '' ? String(factor) : factor === 1 ? names : `${factor}*${names}`))
      .join('+');
  }
}

/** A size that each run chooses. */
export function symbol(name: string): SymbolicDim {
  return new SymbolicDim(new Map([[name, 1]]));
}

export function dimText(dim: Dim): string {
  return typeof dim === 'number' ? String(dim) : dim.text;
}

export function shapeText(shape: Shape): string {
  return `[${shape.map(dimText).join(', ')}]`;
}

export function sameDim(a: Dim, b: Dim): boolean {
  return dimText(a) === dimText(b);
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, i) => sameDim(dim, b[i] ?? -1));
}

export function addDims(a: Dim, b: Dim): Dim {
  const sum = new Map(termsOf(a));
  for (const [names, factor] of termsOf(b)) sum.set(names, (sum.get(names) ?? 0) + factor);
  return simplified(sum);
}

export function multiplyDims(a: Dim, b: Dim): Dim {
  const product = new Map<string, number>();
  for (const [namesA, factorA] of termsOf(a)) {
    for (const [namesB, factorB] of termsOf(b)) {
      const names = [...namesA.split('*'), ...namesB.split('*')].filter(Boolean).sort().join('*');
      product.set(names, (product.get(names) ?? 0) + factorA * factorB);
    }
  }
  return simplified(product);
}

export function elementCount(shape: Shape): Dim {
  return shape.reduce<Dim>(multiplyDims, 1);
}

/** The value of `dim` in one run. Throws when a name has no value: a bug of the caller. */
export function evaluateDim(dim: Dim, bindings: DimBindings): number {
  if (typeof dim === 'number') return dim;
  let value = 0;
  for (const [names, factor] of dim.terms) {
    let term = factor;
    for (const name of names.split('*').filter(Boolean)) {
      const size = bindings[name];
      if (size === undefined) throw new Error(`the size "${name}" has no value in this run (needed for ${dim.text})`);
      term *= size;
    }
    value += term;
  }
  return value;
}

/** "3*pairs" is three times `pairs`; undefined for dims of several names or terms. */
export function multipleOfName(dim: SymbolicDim): { name: string; factor: number } | undefined {
  const [[name = '', factor = 0] = [], ...others] = dim.terms;
  return others.length > 0 || name === '' || name.includes('*') ? undefined : { name, factor };
}

function termsOf(dim: Dim): ReadonlyMap<string, number> {
  return typeof dim === 'number' ? new Map([['', dim]]) : dim.terms;
}

function simplified(terms: Map<string, number>): Dim {
  for (const [names, factor] of terms) if (factor === 0) terms.delete(names);
  if (terms.size === 0) return 0;
  if (terms.size === 1 && terms.has('')) return terms.get('') ?? 0;
  return new SymbolicDim(terms);
}
