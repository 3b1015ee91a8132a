import { expect, test } from 'vitest';
import { clock, placeText } from '../../renderer/charts/axis-text.ts';
import { Columns } from '../../renderer/charts/columns.ts';
import { csvOf, csvOfTables } from '../../renderer/charts/csv.ts';
import { Curves } from '../../renderer/charts/curves.ts';
import { tableOf } from '../../renderer/charts/table.ts';
import { paceOf, remainingText } from '../../renderer/run/pace.ts';
import { cardMemoryText, sizeText } from '../../renderer/ui/size-text.ts';

test('places are said as their axis counts', () => {
  expect([placeText(12_345.4, 'step'), placeText(9999, 'tokens'), placeText(1_234_567, 'tokens')]).toEqual([
    '12,345',
    '9,999',
    '1.23M',
  ]);
  expect([7, 750, 3900, 90_061].map(clock)).toEqual(['0:07', '12:30', '1:05:00', '25:01:01']);
});

test('sizes count in powers of a thousand', () => {
  expect([0, 999, 1000, 2_140_000, 16_000_000_000, 123_456].map(sizeText)).toEqual([
    '0 B',
    '999 B',
    '1 kB',
    '2.1 MB',
    '16 GB',
    '123 kB',
  ]);
});

test('a card has the memory that its maker says', () => {
  // MiB as nvidia-smi tells them of an RTX 3090, an RTX 4070 and an H100.
  expect([24_576, 12_282, 81_559].map((mebibytes) => cardMemoryText(mebibytes * 2 ** 20))).toEqual([
    '24 GB',
    '12 GB',
    '80 GB',
  ]);
});

test('lines and tables become CSV that keeps every digit and quotes what it must', () => {
  const line = { label: 'Loss, "raw"', color: '', look: 'strong' as const };
  const points = { x: Float64Array.of(1, 2), y: Float64Array.of(0.1 + 0.2, 1e-9) };
  expect(csvOf('step', [{ ...line, ...points }])).toBe('step,"Loss, ""raw"""\r\n1,0.30000000000000004\r\n2,1e-9\r\n');
  const [steps, evaluation] = [new Columns(), new Columns()];
  steps.append({ step: 1, loss: 2 });
  evaluation.append({ step: 1, eval_loss: 3 });
  expect(csvOfTables({ step: steps, evaluation })).toBe('kind,step,loss,eval_loss\r\nstep,1,2,\r\nevaluation,1,,3\r\n');
});

test('a long line becomes evenly spread rows, and no evaluation is left out', () => {
  const x = Float64Array.from({ length: 1000 }, (_, i) => i);
  const { rows, stride } = tableOf(
    [
      { x, y: x },
      { x: Float64Array.of(55), y: Float64Array.of(7) },
    ],
    100,
  );
  expect(stride).toBe(10);
  expect(rows.map(([place]) => place).slice(0, 8)).toEqual([0, 10, 20, 30, 40, 50, 55, 60]);
  expect(rows.find(([place]) => place === 55)).toEqual([55, 55, 7]);
  expect(rows.at(-1)?.[0]).toBe(999);
});

test('the pace is tokens over time, and what is left is said in round words', () => {
  const curves = new Curves();
  expect(paceOf(curves)).toBeNull();
  curves.addStep({ step: 1, loss: 1, stepMs: 1000, tokensPerSecond: 100 });
  curves.addStep({ step: 2, loss: 1, stepMs: 3000, tokensPerSecond: 300 });
  // 100 tokens in one second and 900 in three: 1000 in four.
  expect(paceOf(curves)).toEqual({ stepMs: 2000, tokensPerSecond: 250 });
  expect([remainingText(10, 2000), remainingText(25, 2000), remainingText(360, 2000)]).toEqual([
    'less than a minute left',
    'about 1 minute left',
    'about 12 minutes left',
  ]);
});
