// Adafactor (Shazeer and Stern 2018, arXiv:1804.04235) as transformers' Adafactor in the way Trainer asks for it: the
// learning rate comes from the schedule (scale_parameter and relative_step off), no first moment.
import { elementsOf, type StateTensor, type UpdateRule } from './update-rule.ts';

/** Keeps squares of zero gradients from being divided by. */
const smallestSquare = 1e-30;
/** Root mean square beyond which an update is shrunk. */
const clipThreshold = 1;
const decayRate = -0.8;

/**
 *     b = 1 - t^-0.8,  V <- b V + (1 - b) (g^2 + 1e-30)
 *     u = g / sqrt(V),  p <- (1 - lr decay) p - lr u / max(1, rms(u))
 *
 * Of a matrix's V it remembers only the means R of the rows and C of the columns, and takes R C / mean(R) for V.
 */
export const adafactor: UpdateRule = (shape) => {
  if (shape.length > 2) throw new Error(`adafactor takes vectors and matrices, not [${shape.join(', ')}]`);
  const isMatrix = shape.length === 2;
  // A vector is a column: its row means are V itself.
  const columns = isMatrix ? (shape[1] ?? 1) : 1;
  const rows = elementsOf(shape) / columns;
  const [rowMeans, columnMeans] = [new Float32Array(rows), new Float32Array(columns)];
  const tensors: Record<string, StateTensor> = isMatrix
    ? { exp_avg_sq_row: { shape: [rows], data: rowMeans }, exp_avg_sq_col: { shape: [columns], data: columnMeans } }
    : { exp_avg_sq: { shape, data: rowMeans } };
  return {
    tensors,
    update: (parameter, gradient, { learningRate, step, gradientScale, weightDecay }) => {
      averageSquares({ gradient, gradientScale, rowMeans, columnMeans }, 1 - step ** decayRate);
      const mean = isMatrix ? rowMeans.reduce((sum, x) => sum + x, 0) / rows : 1;
      // u = g * byRow * byColumn
      const byRow = Float64Array.from(rowMeans, (x) => gradientScale / Math.sqrt(x / mean));
      const byColumn = Float64Array.from(columnMeans, (x) => (isMatrix ? 1 / Math.sqrt(x) : 1));
      const rms = Math.sqrt(sumOfSquares(gradient, byRow, byColumn) / parameter.length);
      const rate = learningRate / Math.max(1, rms / clipThreshold);
      const kept = 1 - learningRate * weightDecay;
      for (let row = 0, i = 0; row < rows; row++) {
        const rowRate = rate * (byRow[row] ?? 0);
        for (let column = 0; column < columns; column++, i++)
          parameter[i] = kept * (parameter[i] ?? 0) - rowRate * (gradient[i] ?? 0) * (byColumn[column] ?? 0);
      }
    },
  };
};

type Squares = { gradient: Float32Array; gradientScale: number; rowMeans: Float32Array; columnMeans: Float32Array };

/** Moves the averages of the squared gradient along rows and columns. */
function averageSquares({ gradient, gradientScale, rowMeans, columnMeans }: Squares, beta: number): void {
  const [rows, columns] = [rowMeans.length, columnMeans.length];
  const columnSums = new Float64Array(columns);
  for (let row = 0, i = 0; row < rows; row++) {
    let sum = 0;
    for (let column = 0; column < columns; column++, i++) {
      const square = ((gradient[i] ?? 0) * gradientScale) ** 2 + smallestSquare;
      sum += square;
      columnSums[column] = (columnSums[column] ?? 0) + square;
    }
    rowMeans[row] = beta * (rowMeans[row] ?? 0) + (1 - beta) * (sum / columns);
  }
  for (const [column, sum] of columnSums.entries())
    columnMeans[column] = beta * (columnMeans[column] ?? 0) + (1 - beta) * (sum / rows);
}

function sumOfSquares(gradient: Float32Array, byRow: Float64Array, byColumn: Float64Array): number {
  let squares = 0;
  for (let row = 0, i = 0; row < byRow.length; row++) {
    const factor = byRow[row] ?? 0;
    for (let column = 0; column < byColumn.length; column++, i++)
      squares += ((gradient[i] ?? 0) * factor * (byColumn[column] ?? 0)) ** 2;
  }
  return squares;
}
