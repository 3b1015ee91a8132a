// The charts of a run in a real browser: what is drawn is read back from the canvas, what is said from the page.
import { tick } from 'svelte';
import { beforeEach, describe, expect, test } from 'vitest';
import { page, userEvent } from 'vitest/browser';
import type { RunOverview } from '../../preload/contract.ts';
import { LiveCurves } from '../../renderer/run/live-curves.svelte.ts';
import RunCharts from '../../renderer/run/RunCharts.svelte';
import { savedBy, show } from '../support/mount-component.ts';

const run = { id: 'calm-otter', recipe: {}, checkpoints: [], events: [] } as unknown as RunOverview;
let live: LiveCurves;

beforeEach(() => {
  live = new LiveCurves(run.id);
  live.loaded = true;
});

/** A run of these losses, each step one second long and 64 tokens wide. */
function train(losses: readonly number[]): void {
  losses.forEach((loss, i) => {
    const metrics = { loss, num_tokens: 64 * (i + 1), learning_rate: 1e-4 };
    live.curves.addStep({ step: i + 1, loss, stepMs: 1000, tokensPerSecond: 64, metrics });
  });
  live.version += 1;
}

const frames = async (count = 2): Promise<void> => {
  await tick();
  for (let i = 0; i < count; i++) await new Promise((next) => requestAnimationFrame(next));
};
const loss = page.getByRole('region', { name: 'Loss', exact: true });
const plot = loss.getByRole('application');
const said = (name: string): string => {
  const terms = [...loss.element().querySelectorAll('dt')];
  return terms.find((term) => term.textContent.trim() === name)?.nextElementSibling?.textContent.trim() ?? '';
};
const smoothing = page.getByRole('slider', { name: 'Smoothing' });
const setSmoothing = (strength: number): Promise<void> => smoothing.fill(String(strength));

/** Place of a share of the chart's width in the window, and of the line there on the canvas: 0 at the top, 1 at the bottom. */
function place(share: number): { x: number; y: number } {
  const over = plot.element().querySelector('.u-over');
  if (!over) throw new Error('nothing is plotted');
  const { left, top, width, height } = over.getBoundingClientRect();
  return { x: left + share * width, y: top + height / 2 };
}

function lineAt(share: number): number {
  const canvas = plot.element().querySelector('canvas');
  const context = canvas?.getContext('2d');
  if (!canvas || !context) throw new Error('nothing is plotted');
  const box = canvas.getBoundingClientRect();
  const x = Math.round(((place(share).x - box.left) * canvas.width) / box.width);
  const { data } = context.getImageData(x, 0, 1, canvas.height);
  // Teal is the only colour here; axes and grid are grey.
  const teal = Array.from({ length: canvas.height }, (_, y) => y).filter(
    (y) => (data[4 * y + 3] ?? 0) > 128 && (data[4 * y + 1] ?? 0) - (data[4 * y] ?? 0) > 60,
  );
  return teal.reduce((sum, y) => sum + y, 0) / teal.length / canvas.height;
}

/** The pointer goes there as a hand does: over the way to it. */
function point(share: number, type = 'pointermove'): void {
  const { x, y } = place(share);
  const over = plot.element().querySelector('.u-over');
  const options = { clientX: x, clientY: y, bubbles: true, button: 0 };
  over?.dispatchEvent(new PointerEvent(type, options));
}

describe('a line', () => {
  /** Three plateaus, at the middles of the thirds. */
  const heights = (): number[] => [1 / 6, 3 / 6, 5 / 6].map(lineAt);

  test('is drawn where its values are, on a linear and on a log scale', async () => {
    train([100, 10, 1].flatMap((loss) => Array.from({ length: 100 }, () => loss)));
    show(RunCharts, { run, live });
    await setSmoothing(0);
    await frames();
    const [top = 0, middle = 0, bottom = 0] = heights();
    // 10 lies 90 of 99 parts of the way from 100 down to 1.
    expect((middle - top) / (bottom - top)).toBeCloseTo(90 / 99, 1);
    await page.getByRole('switch', { name: 'Log scale' }).click();
    await frames();
    const [high = 0, half = 0, low = 0] = heights();
    // By logarithms, half of it.
    expect((half - high) / (low - high)).toBeCloseTo(0.5, 1);
    expect(low - high).toBeGreaterThan(0.4);
  });

  test('is drawn on as the run goes on', async () => {
    train([5, 4]);
    show(RunCharts, { run, live });
    await setSmoothing(0);
    await frames();
    expect([said('Step'), said('Loss')]).toEqual(['2', '4.0000']);
    live.curves.addStep({ step: 3, loss: 0.25 });
    live.version += 1;
    await expect.poll(() => [said('Step'), said('Loss')]).toEqual(['3', '0.2500']);
  });

  test('is smoothed as Adam averages, and both lines are told apart', async () => {
    const losses = Array.from({ length: 100 }, (_, i) => 2 + (i % 2) + i / 50);
    train(losses);
    show(RunCharts, { run, live });
    await setSmoothing(0.5);
    // A half of the strength: over the root of the run's length.
    await expect.poll(() => smoothing.element().getAttribute('aria-valuetext')).toBe('10 points');
    const weights = losses.map((_, i) => 0.9 ** (losses.length - 1 - i));
    const sum = (values: number[]): number => values.reduce((total, value) => total + value, 0);
    const expected = sum(losses.map((loss, i) => loss * (weights[i] ?? 0))) / sum(weights);
    await expect.poll(() => said('Smoothed')).toBe(expected.toFixed(4));
    expect(said('Each step')).toBe((losses[99] ?? 0).toFixed(4));
    await setSmoothing(0);
    await expect.poll(() => said('Loss')).toBe((losses[99] ?? 0).toFixed(4));
  });
});

describe('the crosshair', () => {
  test('says what each line is at the step under the pointer, in all charts at once', async () => {
    train(Array.from({ length: 101 }, (_, i) => 5 - i / 25));
    show(RunCharts, { run, live });
    await setSmoothing(0);
    await frames();
    point(50.2 / 101);
    // Up to there the last whole step is the 50th: 5 - 49/25.
    await expect.poll(() => said('Loss')).toBe('3.0400');
    expect(said('Step')).toBe('50');
    const rate = page.getByRole('region', { name: 'Learning rate', exact: true });
    expect(rate.element().querySelector('dd')?.textContent.trim()).toBe('50');
    point(50.2 / 101, 'pointerleave');
    await expect.poll(() => said('Step')).toBe('101');
  });

  test('is walked by keys', async () => {
    train(Array.from({ length: 100 }, (_, i) => 5 - i / 25));
    show(RunCharts, { run, live });
    await setSmoothing(0);
    (plot.element() as HTMLElement).focus();
    await userEvent.keyboard('{ArrowRight}{ArrowRight}{ArrowLeft}');
    await expect.poll(() => said('Step')).toBe('51');
    expect(said('Loss')).toBe((5 - 50 / 25).toFixed(4));
  });
});

describe('zoom', () => {
  test('a part that is dragged over fills the width, until all is shown again', async () => {
    train([4, 2, 4].flatMap((loss) => Array.from({ length: 100 }, () => loss)));
    show(RunCharts, { run, live });
    await setSmoothing(0);
    await frames();
    const over = plot.element().querySelector('.u-over');
    if (!over) throw new Error('nothing is plotted');
    const { width } = over.getBoundingClientRect();
    await userEvent.dragAndDrop(over, over, {
      sourcePosition: { x: 0.4 * width, y: 80 },
      targetPosition: { x: 0.6 * width, y: 80 },
    });
    await expect.element(page.getByRole('button', { name: 'Show all' })).toBeVisible();
    await frames();
    // From step 120 to 180 of 300: the middle is still the middle, a quarter is step 135.
    point(0.25);
    await expect.poll(() => Math.abs(Number(said('Step')) - 135)).toBeLessThanOrEqual(1);
    expect(said('Loss')).toBe('2.0000');
    await page.getByRole('button', { name: 'Show all' }).click();
    await frames();
    point(0.25);
    await expect.poll(() => Math.abs(Number(said('Step')) - 75)).toBeLessThanOrEqual(1);
    expect(said('Loss')).toBe('4.0000');
  });

  test('keys halve and double what is seen, Escape shows all', async () => {
    train(Array.from({ length: 400 }, () => 1));
    show(RunCharts, { run, live });
    await frames();
    (plot.element() as HTMLElement).focus();
    await userEvent.keyboard('++');
    await frames();
    // A quarter of 400 around the middle.
    point(0);
    await expect.poll(() => Number(said('Step'))).toBe(150);
    point(1);
    await expect.poll(() => Number(said('Step'))).toBe(250);
    await userEvent.keyboard('{Escape}');
    await frames();
    point(1);
    await expect.poll(() => Number(said('Step'))).toBe(400);
  });
});

test('the axis can be tokens or time', async () => {
  train(Array.from({ length: 100 }, (_, i) => 5 - i / 25));
  show(RunCharts, { run, live });
  await setSmoothing(0);
  await page.getByRole('radio', { name: 'Tokens' }).click({ force: true });
  await expect.poll(() => said('Tokens')).toBe('6,400');
  await page.getByRole('radio', { name: 'Time' }).click({ force: true });
  await expect.poll(() => said('Time')).toBe('1:40');
  await frames();
  point(0.5);
  await expect.poll(() => said('Time')).toBe('0:50');
  expect(said('Loss')).toBe((5 - 49 / 25).toFixed(4));
});

describe('what can be taken away', () => {
  const take = (item: string) =>
    savedBy(async () => {
      await page.getByRole('button', { name: 'Take away: Loss' }).click();
      await page.getByRole('menuitem', { name: item }).click();
    });

  test('the numbers, as a table and as CSV', async () => {
    train([3, 2.5, 2]);
    live.curves.addEvaluation(2, { eval_loss: 2.75 });
    live.version += 1;
    show(RunCharts, { run, live });
    await setSmoothing(0);
    await loss.getByText('As a table').click();
    const table = page.getByRole('region', { name: 'Loss as a table' });
    const rows = [...table.element().querySelectorAll('tr')].map((row) =>
      [...row.children].map(({ textContent }) => textContent.trim()),
    );
    expect(rows).toEqual([
      ['Step', 'Loss', 'Evaluation'],
      ['1', '3.0000', '–'],
      ['2', '2.5000', '2.7500'],
      ['3', '2.0000', '–'],
    ]);
    const { name, content } = await take('Save as CSV');
    expect(name).toBe('calm-otter-loss.csv');
    expect(await content.text()).toBe('step,Loss,Evaluation\r\n1,3,\r\n2,2.5,2.75\r\n3,2,\r\n');
  });

  test('a picture with the line, its name and its title', async () => {
    train([3, 2, 1]);
    show(RunCharts, { run, live });
    await frames();
    const { name, content } = await take('Save as PNG');
    expect([name, content.type]).toEqual(['calm-otter-loss.png', 'image/png']);
    const picture = await createImageBitmap(content);
    const canvas = plot.element().querySelector('canvas');
    expect(picture.width).toBeGreaterThan(canvas?.width ?? Infinity);
    const copy = new OffscreenCanvas(picture.width, picture.height);
    const context = copy.getContext('2d');
    context?.drawImage(picture, 0, 0);
    const { data } = context?.getImageData(0, 0, picture.width, picture.height) ?? { data: new Uint8ClampedArray() };
    const pixels = Array.from({ length: data.length / 4 }, (_, i) => data.subarray(4 * i, 4 * i + 4));
    // Nothing is transparent, and besides the surface there is the line's teal and dark text in the head.
    expect(pixels.every(([, , , alpha]) => alpha === 255)).toBe(true);
    expect(pixels.filter(([red = 0, green = 0]) => green - red > 60).length).toBeGreaterThan(500);
    const head = pixels.slice(0, picture.width * 32);
    expect(head.filter(([red = 255, green = 255]) => red < 80 && green < 80).length).toBeGreaterThan(50);
  });
});

test('a hundred thousand steps are drawn, said and taken away whole', async () => {
  const lossAt = (step: number): number => 1 + 1000 / (step + 500);
  train(Array.from({ length: 100_000 }, (_, i) => lossAt(i + 1)));
  show(RunCharts, { run, live });
  await setSmoothing(0);
  await frames();
  const [start = 0, early = 0, late = 0] = [0.01, 0.1, 0.9].map(lineAt);
  const fallen = (share: number): number => lossAt(1000) - lossAt(100_000 * share);
  expect((early - start) / (late - start)).toBeCloseTo(fallen(0.1) / fallen(0.9), 1);
  point(0.7);
  await expect.poll(() => Math.abs(Number(said('Step').replaceAll(',', '')) - 70_000)).toBeLessThan(100);
  expect(said('Loss')).toBe(lossAt(70_000).toFixed(4));
  await loss.getByText('As a table').click();
  const table = page.getByRole('region', { name: 'Loss as a table' });
  expect(table.element().querySelectorAll('tbody tr').length).toBeLessThanOrEqual(501);
  const { content } = await savedBy(async () => {
    await page.getByRole('button', { name: 'Take away: Loss' }).click();
    await page.getByRole('menuitem', { name: 'Save as CSV' }).click();
  });
  const lines = (await content.text()).trimEnd().split('\r\n');
  expect(lines).toHaveLength(100_001);
  expect(lines[70_000]).toBe(`70000,${String(lossAt(70_000))}`);
});
