import { expect, test } from 'vitest';
import { lineChart } from '../../main/hosts/cli/chart.ts';
import { durationText, numberText, wholeText } from '../../main/hosts/cli/numbers.ts';
import { recipeArguments } from '../../main/hosts/cli/recipe-arguments.ts';
import { gathering, terminalOn } from '../../main/hosts/cli/terminal.ts';

test.each([
  [2.34567, '2.346'],
  [0.04, '0.04'],
  [0.000123, '1.23e-4'],
  [2e-5, '2e-5'],
  [123456, '123456'],
  [12345678.9, '1.23e+7'],
  [0, '0'],
  [-1.5, '-1.5'],
])('%d is shown as %s', (value, shown) => {
  expect(numberText(value)).toBe(shown);
});

test('times and whole numbers', () => {
  expect([0, 42_000, 725_400, 11_235_000].map(durationText)).toEqual(['0:00', '0:42', '12:05', '3:07:15']);
  expect(wholeText(1234567.8)).toBe('1,234,568');
});

// Braille dots, from the Unicode chart: left column 1 2 3 7 from the top, right column 4 5 6 8.
test('a falling line goes from the top left dot to the bottom right dot', () => {
  const lines = lineChart(
    [
      { x: 1, y: 4 },
      { x: 2, y: 1 },
    ],
    12,
    1,
  );
  // 2 cells of 2 x 4 dots: one column of dots per step over four columns.
  expect(lines).toEqual(['       4 ┤⠑⢄', '          1step 2']);
});

test('values that are no numbers are left out, and a chart of one point is none', () => {
  const points = [1, Number.NaN, 3].map((y, x) => ({ x, y }));
  expect(lineChart(points, 20, 2)[0]).toContain('3 ┤');
  expect(lineChart([{ x: 1, y: 1 }], 20, 2)).toEqual([]);
});

test('keys as trl takes them', () => {
  expect(
    recipeArguments(
      '--learning_rate 1e-4 --use_peft --lora-target-modules q_proj k_proj --max_steps -1 --columns {text: body} --a=b=c'
        .replace('{text: body}', '{text:␣body}')
        .split(' ')
        .map((word) => word.replace('␣', ' ')),
    ),
  ).toEqual({
    learning_rate: '1e-4',
    use_peft: true,
    lora_target_modules: ['q_proj', 'k_proj'],
    max_steps: '-1',
    columns: { text: 'body' },
    a: 'b=c',
  });
  expect(() => recipeArguments(['run.yaml'])).toThrow(/belongs to no option/);
});

test('a live line is replaced in place, and only on a terminal', () => {
  const written: string[] = [];
  const sink = { isTTY: true, columns: 30, write: (text: string) => written.push(text) };
  const terminal = terminalOn(sink);
  terminal.live('x'.repeat(50));
  terminal.live('comes too soon after the first');
  terminal.line('done');
  expect(written).toEqual([`\r\u001b[2K${'x'.repeat(29)}`, '\r\u001b[2K', 'done\n']);
  const plain: string[] = [];
  terminalOn({ write: (text: string) => plain.push(text) }).live('nothing');
  expect(plain).toEqual([]);
});

test('gathered text is written at once when asked', () => {
  const written: string[] = [];
  const sink = gathering({ write: (text: string) => written.push(text) });
  sink.write('a');
  sink.write('b');
  expect(written).toEqual([]);
  sink.flush();
  sink.flush();
  expect(written).toEqual(['ab']);
});
