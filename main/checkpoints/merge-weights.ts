// Folds an adapter's layer into the weight it sits on: W + s B A, and for DoRA (Liu et al. 2024, arXiv:2402.09353) the
// same with each row rescaled to its magnitude. Which layers there are, and their files, is left to the caller.

export type MergeBranch = {
  /** [rank, in] */
  a: Float32Array;
  /** [out, rank] */
  b: Float32Array;
  rank: number;
  /** What B A is multiplied by: alpha / rank, with rsLoRA alpha / sqrt(rank). */
  scale: number;
  /** DoRA's norms of the rows of the merged weight, [out]. */
  magnitude?: Float32Array;
};

/** The merged weight [out, in], a new array. Sums are in float64, so that only the result is rounded. */
export function mergeLayer(weight: Float32Array, shape: readonly [number, number], branch: MergeBranch): Float32Array {
  const [out, width] = shape;
  const { a, b, rank, scale, magnitude } = branch;
  if (weight.length !== out * width || a.length !== rank * width || b.length !== out * rank)
    throw new Error(`merge: ${weight.length}, ${a.length}, ${b.length} values for [${out}, ${width}] of rank ${rank}`);
  if (magnitude && magnitude.length !== out) throw new Error(`merge: ${magnitude.length} magnitudes for ${out} rows`);
  const merged = new Float32Array(weight.length);
  const row = new Float64Array(width);
  for (let o = 0; o < out; o++) {
    row.set(weight.subarray(o * width, (o + 1) * width));
    for (let k = 0; k < rank; k++) {
      const factor = scale * (b[o * rank + k] ?? 0);
      const from = k * width;
      for (let i = 0; i < width; i++) row[i] = (row[i] ?? 0) + factor * (a[from + i] ?? 0);
    }
    if (magnitude) {
      let squares = 0;
      for (const value of row) squares += value * value;
      const rescale = (magnitude[o] ?? 0) / Math.sqrt(squares);
      for (let i = 0; i < width; i++) row[i] = (row[i] ?? 0) * rescale;
    }
    merged.set(row, o * width);
  }
  return merged;
}
