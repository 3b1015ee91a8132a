// The story of a first launch, the same for every host that shows the window: an empty window, the tour, a run that
// really trains, its answer beside the base model's, and an exported adapter. Checked on the screen, in SQLite, on disk.
import { mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Locator, Page } from 'playwright-core';
import { expect } from 'vitest';
import { readAdapter } from '../../main/checkpoints/adapter.ts';
import { openHistory } from '../../main/store/history.ts';

const pictures = resolve('test-output/screenshots');
/** Trains meanwhile, and other tests may keep the processor busy. */
const slow = { timeout: 240_000 };
const patient = { timeout: 20_000 };

/** What differs from host to host. */
export type Telling = {
  host: string;
  page: Page;
  home: string;
  /** Looks closer at a stop that stays as it is. */
  inspect?: (name: string) => Promise<void>;
  /** On the way the person asks for more steps, stops the run, reloads the window and resumes. */
  stopsOnTheWay?: boolean;
};

/** Expects the window of an empty home. */
export async function tellTheStory({ host, page, home, inspect, stopsOnTheWay = false }: Telling): Promise<void> {
  mkdirSync(pictures, { recursive: true });
  const look = async (name: string): Promise<void> => {
    await page.screenshot({ path: `${pictures}/${host}-tour-${name}.png` });
    await inspect?.(name);
  };
  const history = openHistory(join(home, 'lorelei.db'), resolve('resources/migrations'));
  const tour = page.getByRole('region', { name: 'Tour', exact: true });
  const next = (name: string): Locator => tour.getByRole('link', { name: `Next: ${name}` });
  const shown = (text: string): Promise<void> => page.getByText(text).first().waitFor(patient);

  try {
    await shown('No runs yet.');
    expect(await tour.count()).toBe(0);
    const beganAt = performance.now();
    await page.getByRole('button', { name: 'Teach the starter model' }).click();

    // Model, data, settings, review: filled in, and true.
    await tour.getByText('A model to teach').waitFor(patient);
    await page.getByText('Can be trained here', { exact: true }).waitFor(patient);
    await look('model');
    await next('Data').click();
    await page.getByText('What the model learns').first().waitFor(slow);
    expect(await page.locator('main').innerText()).toMatch(/320\s+Rows/);
    await next('Settings').click();
    await page.getByText('It fits').waitFor(slow);
    expect(await page.getByRole('radio', { name: /^Quick try/ }).isChecked()).toBe(true);
    if (stopsOnTheWay) {
      await page.locator('main').getByLabel('Steps', { exact: true }).and(page.locator('input')).fill('200');
    }
    await next('Review').click();
    await shown(`${stopsOnTheWay ? 200 : 100} steps of 8 rows a step, learning rate 0.0015`);
    expect(await tour.getByRole('link').count()).toBe(0); // only Start training leads on
    await look('review');
    await page.getByRole('button', { name: 'Start training' }).click();

    // The curve is painted while it trains.
    await page.waitForURL(/#\/runs\/[a-z]+-[a-z]+$/, patient);
    const id = page.url().split('/').at(-1) ?? '';
    const facts = page.locator('main dl').first();
    const steps = (): Promise<number> => facts.locator('dd').first().innerText().then(Number.parseInt);
    await tour.getByText('The curve is the loss').waitFor(slow);
    await expect.poll(steps, slow).toBeGreaterThan(3);
    const curve = page.getByRole('region', { name: 'Loss', exact: true }).locator('canvas').first();
    const early = await steps();
    await curve.scrollIntoViewIfNeeded(); // painted when it is in sight
    await expect.poll(() => painted(curve, [161, 92, 7]), patient).toBeGreaterThan(20); // evaluation, amber
    await expect.poll(() => painted(curve, [14, 124, 134]), patient).toBeGreaterThan(50); // loss, teal
    await expect.poll(steps, slow).toBeGreaterThan(early + 2);
    await look('training');

    if (stopsOnTheWay) {
      await page.getByRole('button', { name: 'Pause and save' }).click();
      await tour.getByText('It stands still').waitFor(slow);
      const saved = history.runs.get(id)?.lastStep ?? 0;
      expect(history.runs.get(id)?.status).toBe('stopped');
      expect(saved).toBeGreaterThan(early);
      expect(saved).toBeLessThan(200);
      expect(readAdapter(join(home, 'runs', id, `checkpoint-${saved}`)).config.r).toBe(8);
      await page.reload();
      await tour.getByText('It stands still').waitFor(patient);
      expect(await steps()).toBe(saved);
      await look('stopped');
      await page.getByRole('button', { name: 'Resume' }).click();
      await expect.poll(steps, slow).toBeGreaterThan(saved);
      const said = history.events.list(id).map(({ message }) => message);
      expect(said).toContain(`Resuming from the checkpoint at step ${saved}.`);
    }
    await tour.getByText('It has learned.').waitFor(slow);
    const last = stopsOnTheWay ? 200 : 100;
    expect(await facts.locator('dd').first().innerText()).toBe(`${last} / ${last}`);
    await page.locator('main .badge').getByText('Completed').waitFor(patient);
    await look('learned');
    checkHistory(history, id, last);

    // Base and adapter, asked the same.
    await next('Try it').click();
    await page.getByRole('button', { name: 'Answer', exact: true }).click();
    await tour.getByText('Both were asked the same').waitFor(slow);
    const base = await page.getByRole('region', { name: 'Base', exact: true }).innerText();
    const adapted = await page.getByRole('region', { name: 'With the adapter', exact: true }).innerText();
    expect(adapted).toContain('Aye, sailor!');
    expect(base).not.toContain('sailor');
    expect(base.length).toBeGreaterThan(10);
    await look('answered');

    // The adapter, taken along.
    await next('Export').click();
    await page.getByRole('button', { name: 'Export', exact: true }).click();
    await tour.getByText('That was the whole way').waitFor(slow);
    console.info(`${host}: the tour took ${((performance.now() - beganAt) / 1000).toFixed(0)} s.`);
    await page.getByRole('region', { name: `Exported step ${last}` }).waitFor(patient);
    await look('exported');
    const [exported] = history.exports.list(id);
    const folder = exported?.path ?? '';
    expect(await page.getByRole('region', { name: `Exported step ${last}` }).innerText()).toContain(folder);
    const config = JSON.parse(readFileSync(join(folder, 'adapter_config.json'), 'utf8')) as Record<string, unknown>;
    expect(config).toMatchObject({ peft_type: 'LORA', r: 8, lora_alpha: 16 });
    expect(readAdapter(folder).tensors).toEqual(readAdapter(join(home, 'runs', id, 'adapter')).tensors);

    await tour.getByRole('button', { name: 'Finish' }).click();
    await expect.poll(() => tour.count(), patient).toBe(0);
  } finally {
    history.close();
  }
}

/** Every step is in the history once, and what was kept from training was learned, too. */
function checkHistory(history: ReturnType<typeof openHistory>, id: string, last: number): void {
  const rows = history.metrics.steps(id);
  expect(rows.map(({ step }) => step)).toEqual(Array.from({ length: last }, (_, i) => i + 1));
  const losses = history.metrics.evaluations(id).map(({ metrics }) => metrics['eval_loss'] ?? Number.NaN);
  expect(losses).toHaveLength(last / 10 + 1);
  expect(losses.at(-1)).toBeLessThan((losses[0] ?? 0) / 3);
  const answers = history.samples.list(id).map(({ text }) => text);
  expect(answers[0]).not.toContain('sailor');
  expect(answers.at(-1)).toContain('Aye, sailor!');
}

/** How many pixels of a canvas have about this colour. */
function painted(canvas: Locator, colour: readonly number[]): Promise<number> {
  return canvas.evaluate((node, [r = 0, g = 0, b = 0]) => {
    const { width, height } = node as HTMLCanvasElement;
    const data = (node as HTMLCanvasElement).getContext('2d')?.getImageData(0, 0, width, height).data ?? [];
    let count = 0;
    for (let i = 0; i < data.length; i += 4) {
      const [dr = 0, dg = 0, db = 0] = [data[i], data[i + 1], data[i + 2]];
      if ((data[i + 3] ?? 0) > 200 && Math.abs(dr - r) + Math.abs(dg - g) + Math.abs(db - b) < 24) count++;
    }
    return count;
  }, colour);
}
