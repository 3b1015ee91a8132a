// Eigenvalues and eigenvectors of a small symmetric matrix by Jacobi's rotations (Golub and Van Loan, "Matrix
// Computations", 8.5), which find small eigenvalues as exactly as large ones.

export type Eigen = {
  /** Largest first. */
  values: Float64Array;
  /** Orthonormal, in the order of the values. */
  vectors: Float64Array[];
};

/** `matrix` [size, size] is left as it is. */
export function symmetricEigen(matrix: Float64Array, size: number): Eigen {
  const rows = Array.from({ length: size }, (_, i) => matrix.slice(i * size, (i + 1) * size));
  const vectors = Array.from({ length: size }, (_, i) =>
    Float64Array.from({ length: size }, (_, j) => Number(i === j)),
  );
  const scale = Math.sqrt(matrix.reduce((sum, x) => sum + x * x, 0));
  for (let sweep = 0; sweep < 40 && offDiagonal(rows) > 1e-15 * scale; sweep++)
    for (let p = 0; p < size; p++) for (let q = p + 1; q < size; q++) rotate(rows, vectors, p, q);
  const diagonal = rows.map((row, i) => row[i] ?? 0);
  const order = diagonal.map((_, i) => i).sort((a, b) => (diagonal[b] ?? 0) - (diagonal[a] ?? 0));
  return {
    values: Float64Array.from(order, (i) => diagonal[i] ?? 0),
    vectors: order.flatMap((i) => vectors[i] ?? []),
  };
}

/** Makes element p, q zero: rows and columns p and q are turned by the angle that does it. */
function rotate(rows: Float64Array[], vectors: Float64Array[], p: number, q: number): void {
  const [rowP, rowQ, vectorP, vectorQ] = [rows[p], rows[q], vectors[p], vectors[q]];
  if (!rowP || !rowQ || !vectorP || !vectorQ) return;
  const element = rowP[q] ?? 0;
  if (element === 0) return;
  const theta = ((rowQ[q] ?? 0) - (rowP[p] ?? 0)) / (2 * element);
  const tangent = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.hypot(theta, 1));
  const cosine = 1 / Math.hypot(tangent, 1);
  const sine = tangent * cosine;
  for (const row of rows) {
    const [x, y] = [row[p] ?? 0, row[q] ?? 0];
    row[p] = cosine * x - sine * y;
    row[q] = sine * x + cosine * y;
  }
  turn(rowP, rowQ, cosine, sine);
  turn(vectorP, vectorQ, cosine, sine);
}

function turn(a: Float64Array, b: Float64Array, cosine: number, sine: number): void {
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i] ?? 0, b[i] ?? 0];
    a[i] = cosine * x - sine * y;
    b[i] = sine * x + cosine * y;
  }
}

function offDiagonal(rows: readonly Float64Array[]): number {
  let squares = 0;
  for (const [i, row] of rows.entries()) for (const [j, x] of row.entries()) if (i !== j) squares += x * x;
  return Math.sqrt(squares);
}
