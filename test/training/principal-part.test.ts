// Singular values and the part of a matrix that they span, against numpy.
import { expect, test } from 'vitest';
import { principalPart, type PrincipalPart } from '../../main/training/principal-part.ts';
import { symmetricEigen } from '../../main/training/symmetric-eigen.ts';
import { goldensFolder, readJson, relativeError } from '../support/goldens.ts';

type Case = { shape: [number, number]; rank: number; values: number[]; forward: number[]; backward: number[] };
const cases = readJson(`${goldensFolder}/singular-values.json`) as Case[];

/** The matrix that singular_values_goldens.py makes. */
function matrixOf([rows, columns]: [number, number]): Float32Array {
  return Float32Array.from({ length: rows * columns }, (_, at) => {
    const [i, j] = [Math.floor(at / columns), at % columns];
    return (((7919 * i + 104729 * j + 31 * i * j) % 1009) - 504) / 504;
  });
}

const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((sum, x, i) => sum + x * (b[i] ?? 0), 0);

/** U S V' x */
function times({ values, left, right }: PrincipalPart, x: number[]): number[] {
  const sizes = right.map((vector, k) => dot(vector, x) * (values[k] ?? 0));
  return Array.from(left[0] ?? [], (_, row) =>
    left.reduce((sum, vector, k) => sum + (vector[row] ?? 0) * (sizes[k] ?? 0), 0),
  );
}

const falling = (length: number): number[] => Array.from({ length }, (_, i) => 1 / (i + 1));

test.each(cases)('the $rank largest of $shape', ({ shape, rank, values, forward, backward }) => {
  const part = principalPart(matrixOf(shape), shape, rank, { seed: 3 });
  // Stopped at residuals of 1e-7 of the largest eigenvalue: values are good to its square, vectors to it over the gap
  // between the last value that counts and the next, of which the smallest here is 0.2 %.
  expect(relativeError(part.values, values)).toBeLessThan(1e-9);
  expect(relativeError(times(part, falling(shape[1])), forward)).toBeLessThan(1e-4);
  const transposed = { values: part.values, left: part.right, right: part.left };
  expect(relativeError(times(transposed, falling(shape[0])), backward)).toBeLessThan(1e-4);
  for (const side of [part.left, part.right])
    for (const [i, a] of side.entries())
      for (const [j, b] of side.entries()) expect(dot(a, b)).toBeCloseTo(i === j ? 1 : 0, 6);
});

test('a few iterations come close, more come closer, and a seed decides the result', () => {
  const [shape, rank] = [[200, 320] as [number, number], 12];
  const exact = cases.find((known) => known.shape.join() === shape.join())?.values ?? [];
  const weight = matrixOf(shape);
  const error = (iterations: number): number =>
    relativeError(principalPart(weight, shape, rank, { seed: 1, iterations }).values, exact);
  expect(error(16)).toBeLessThan(error(4));
  expect(error(16)).toBeLessThan(0.02);
  const twice = [1, 1].map((seed) => principalPart(weight, shape, rank, { seed, iterations: 2 }));
  expect(twice[0]).toEqual(twice[1]);
});

test('equal singular values and missing ones are found', () => {
  const identity = Float32Array.from({ length: 40 * 40 }, (_, i) => Number(i % 41 === 0));
  expect(Array.from(principalPart(identity, [40, 40], 30, { seed: 1 }).values)).toEqual(
    Array.from({ length: 30 }, () => expect.closeTo(1, 12) as number),
  );
  const single = Float32Array.from({ length: 6 * 5 }, (_, i) => Math.floor(i / 5) + 1); // rank 1
  const { values } = principalPart(single, [6, 5], 3, { seed: 1 });
  expect(values[0]).toBeCloseTo(Math.sqrt(91 * 5), 10);
  expect(values[1]).toBeLessThan(1e-6);
  for (const options of [{ seed: 1 }, { seed: 1, iterations: 2 }]) {
    const nothing = principalPart(new Float32Array(30), [6, 5], 2, options);
    expect(Array.from(nothing.values)).toEqual([0, 0]);
  }
});

test('eigenvalues and vectors of a small matrix', () => {
  const { values, vectors } = symmetricEigen(Float64Array.of(2, 1, 1, 2), 2);
  expect(Array.from(values)).toEqual([expect.closeTo(3, 14), expect.closeTo(1, 14)]);
  expect(Math.abs(dot(vectors[0] ?? [], [1, 1]))).toBeCloseTo(Math.SQRT2, 14);
});
