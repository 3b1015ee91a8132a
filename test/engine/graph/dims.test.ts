import { expect, test } from 'vitest';
import {
  addDims,
  dimText,
  elementCount,
  evaluateDim,
  multipleOfName,
  multiplyDims,
  sameDim,
  shapeText,
  symbol,
} from '../../../main/engine/graph/dims.ts';

const [batch, seq] = [symbol('batch'), symbol('seq')];

test('products and sums are equal however they were written', () => {
  expect(sameDim(multiplyDims(batch, seq), multiplyDims(seq, batch))).toBe(true);
  expect(dimText(addDims(addDims(seq, 2), addDims(seq, -2)))).toBe('2*seq');
  expect(dimText(multiplyDims(addDims(batch, 1), addDims(batch, 1)))).toBe('1+2*batch+batch*batch');
  expect(addDims(seq, multiplyDims(-1, seq))).toBe(0);
  expect(sameDim(multiplyDims(2, seq), seq)).toBe(false);
});

test('values are filled in, and a missing one is named', () => {
  const rows = elementCount([batch, 3, seq]);
  expect(shapeText([batch, rows])).toBe('[batch, 3*batch*seq]');
  expect(evaluateDim(addDims(rows, 1), { batch: 2, seq: 5 })).toBe(31);
  expect(() => evaluateDim(rows, { batch: 2 })).toThrow('"seq" has no value');
});

test('a multiple of one name tells its value, nothing else does', () => {
  const pairs = symbol('pairs');
  expect(multipleOfName(pairs)).toEqual({ name: 'pairs', factor: 1 });
  const three = multiplyDims(3, pairs);
  expect(typeof three === 'number' ? undefined : multipleOfName(three)).toEqual({ name: 'pairs', factor: 3 });
  for (const dim of [addDims(pairs, 1), addDims(pairs, symbol('rows')), multiplyDims(pairs, symbol('seq'))])
    expect(typeof dim === 'number' ? dim : multipleOfName(dim)).toBeUndefined();
});
