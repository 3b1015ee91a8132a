// What happens to runs while they train: their page is read anew, their process is killed, others wait for them. The
// starter model really trains, in the window of either host; the screen, the history and the disk have to agree.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openHistory, type History } from '../../main/store/history.ts';
import { chromiumProgram, openChromium, type Chromium } from '../support/chromium.ts';
import { ask, goTo, windowHosts, type OpenWindow } from '../support/window-hosts.ts';
import { savedBy, watchComplaints } from '../support/window-scenario.ts';

let browser: Chromium;

beforeAll(async () => {
  if (chromiumProgram !== undefined) browser = await openChromium();
});
afterAll(async () => {
  if (chromiumProgram !== undefined) await browser.close();
});

describe.each(Object.keys(windowHosts) as (keyof typeof windowHosts)[])('%s', (host) => {
  let home: string;
  let window: OpenWindow;
  let page: Page;
  let complaints: string[];
  let history: History;

  beforeEach(async (context) => {
    if (chromiumProgram === undefined) return context.skip();
    home = mkdtempSync(join(tmpdir(), 'lorelei-live-'));
    await open();
    history = openHistory(join(home, 'lorelei.db'), resolve('resources/migrations'));
  });

  afterEach(async () => {
    if (chromiumProgram === undefined) return;
    history.close();
    await window.close();
    rmSync(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    expect(complaints).toEqual([]);
  });

  async function open(): Promise<void> {
    window = await windowHosts[host](home, browser);
    ({ page } = window);
    complaints = watchComplaints(page);
    await page.setViewportSize({ width: 1280, height: 800 });
  }

  async function start(name: string, steps: number, keys: Record<string, string | number> = {}): Promise<string> {
    const values = {
      run_name: name,
      model_name_or_path: resolve('resources/starter-model'),
      dataset_name: resolve('resources/sample-data/sft.jsonl'),
      max_steps: steps,
      per_device_train_batch_size: 1,
      max_length: 64,
      logging_steps: 1,
      device: 'cpu',
      ...keys,
    };
    return (await ask(page, 'run.start', { method: 'sft', values })).id;
  }

  const badge = () => page.locator('main .badge').first();
  const becomes = (status: string): Promise<void> =>
    expect.poll(() => badge().innerText(), { timeout: 60_000 }).toBe(status);
  /** As the run's page says it. */
  const stepsDone = async (): Promise<number> =>
    Number((await page.locator('main dl dd').first().innerText()).split('/')[0]?.replaceAll(',', ''));
  const trainsBeyond = (step: number): Promise<void> =>
    expect.poll(stepsDone, { timeout: 60_000, interval: 50 }).toBeGreaterThan(step);
  const counted = (last: number): number[] => Array.from({ length: last }, (_, i) => i + 1);
  /** The steps in the history, each of them once. */
  const kept = (id: string): number[] => history.metrics.steps(id).map(({ step }) => step);

  test('a page that is read anew in mid-run shows every step, and the run does not notice', async () => {
    const id = await start('reloaded', 100_000);
    await goTo(page, `#/runs/${id}`);
    await page.getByRole('heading', { name: 'reloaded', level: 1 }).waitFor();
    await trainsBeyond(5);
    const before = await stepsDone();
    await page.reload();
    await page.getByRole('heading', { name: 'reloaded', level: 1 }).waitFor();
    await becomes('Training');
    await trainsBeyond(before + 5);
    await page.getByRole('button', { name: 'Pause and save' }).click();
    await becomes('Stopped');

    const run = history.runs.get(id);
    expect(run).toMatchObject({ status: 'stopped' });
    const last = run?.lastStep ?? 0;
    expect(kept(id)).toEqual(counted(last));
    expect(existsSync(join(home, 'runs', id, `checkpoint-${String(last)}`))).toBe(true);
    await expect.poll(stepsDone).toBe(last);
    // A page that was read anew catches up with what the history did not hold yet when it asked.
    const drawn = async (): Promise<number[]> => {
      const csv = await savedBy(page, () => page.getByRole('button', { name: 'All as CSV' }).click());
      const lines = csv.split('\r\n').filter((line) => line.startsWith('step,'));
      return lines.map((line) => Number(line.split(',')[1]));
    };
    await expect.poll(drawn, { timeout: 20_000, interval: 500 }).toEqual(counted(last));
  });

  test('a run whose process is killed is offered at the next launch, and goes on to its end', async () => {
    const total = 300;
    const id = await start('killed', total, { save_steps: 10 });
    await goTo(page, `#/runs/${id}`);
    await trainsBeyond(12);
    window.killJob();
    await becomes('Interrupted');
    expect(history.runs.get(id)).toMatchObject({ status: 'interrupted' });
    const [checkpoint] = history.checkpoints.list(id).slice(-1);
    expect(checkpoint?.step).toBeGreaterThanOrEqual(10);
    expect(existsSync(join(home, 'adapter'))).toBe(false);

    await window.close();
    await open();
    const reached = String(history.runs.get(id)?.lastStep);
    await page.getByText(`killed was interrupted at step ${reached} of ${String(total)}.`).waitFor();
    await page.getByRole('button', { name: 'Resume', exact: true }).click();
    await becomes('Completed');
    await expect.poll(() => page.getByText(/was interrupted at step/).count()).toBe(0);
    expect(history.runs.get(id)).toMatchObject({ status: 'completed', lastStep: total });
    expect(kept(id)).toEqual(counted(total));
    const said = history.events.list(id).map(({ message }) => message);
    expect(said).toContain(`Resuming from the checkpoint at step ${String(checkpoint?.step)}.`);
    expect(existsSync(join(home, 'runs', id, 'adapter/adapter_model.safetensors'))).toBe(true);
    await goTo(page, `#/runs/${id}`);
    await expect.poll(stepsDone).toBe(total);
  });

  test('two that wait take turns in the order that a person gives them', async () => {
    await start('first', 100_000);
    const [second, third] = [await start('second', 3), await start('third', 3)];
    await goTo(page, '#/runs');
    const waiting = () => page.getByRole('region', { name: 'Up next' }).locator('li a').allInnerTexts();
    await expect.poll(waiting).toEqual(['second', 'third']);
    await page.getByRole('button', { name: 'Move third, place 2 of 2' }).press('ArrowUp');
    await expect.poll(waiting).toEqual(['third', 'second']);
    // Also for whoever looks next.
    await page.reload();
    await expect.poll(waiting).toEqual(['third', 'second']);

    await page.getByRole('link', { name: 'first', exact: true }).first().click();
    await trainsBeyond(0);
    await page.getByRole('button', { name: 'Pause and save' }).click();
    await becomes('Stopped');
    await expect.poll(() => history.runs.get(second)?.status, { timeout: 60_000 }).toBe('completed');
    const times = [third, second].flatMap((id) => {
      const { startedAt, endedAt } = history.runs.get(id) ?? {};
      return [startedAt ?? Number.NaN, endedAt ?? Number.NaN];
    });
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    for (const id of [second, third])
      expect(existsSync(join(home, 'runs', id, 'adapter/adapter_model.safetensors'))).toBe(true);
    await goTo(page, '#/runs');
    const statuses = () => page.locator('.run-row .badge').allInnerTexts();
    await expect.poll(statuses).toEqual(['Completed', 'Completed', 'Stopped']);
  });
});
