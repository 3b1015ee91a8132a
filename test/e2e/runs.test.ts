// The Runs screen of `lorelei serve` over runs that really train the starter model: they wait their turn, the order is
// changed, one is stopped and resumed; then they are put away, deleted and brought back by keys; and one goes on from a
// chosen checkpoint, as a new run.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openHistory, type History } from '../../main/store/history.ts';
import { chromiumProgram, openChromium, type Chromium } from '../support/chromium.ts';
import { startLorelei, type Started } from '../support/lorelei-process.ts';
import { axeProblems, watchComplaints } from '../support/window-scenario.ts';

let folder: string;
let server: Started;
let chromium: Chromium;
let history: History;
let page: Page;
let complaints: string[];

beforeAll(async () => {
  if (chromiumProgram === undefined) return;
  folder = mkdtempSync(join(tmpdir(), 'lorelei-runs-'));
  server = startLorelei('../../out/main/cli.js', ['serve', '--port', '0'], { folder, home: join(folder, 'home') });
  const links: string[] = [];
  server.child.stdout?.on('data', (data: Buffer) => links.push(...(data.toString().match(/http:\S+/g) ?? [])));
  await server.saw('Ctrl-C');
  chromium = await openChromium();
  page = await chromium.context.newPage();
  complaints = watchComplaints(page);
  await page.setViewportSize({ width: 1024, height: 700 });
  await page.goto(links[0] ?? '');
  history = openHistory(join(folder, 'home/lorelei.db'), resolve('resources/migrations'));
});

afterAll(async () => {
  if (chromiumProgram === undefined) return;
  history.close();
  await chromium.close();
  server.child.kill();
  await server.ended;
  rmSync(folder, { recursive: true, force: true });
});

/** Starts a run as the wizard does. */
async function start(name: string, steps: number): Promise<string> {
  const values = {
    run_name: name,
    model_name_or_path: resolve('resources/starter-model'),
    dataset_name: resolve('resources/sample-data/sft.jsonl'),
    use_peft: true,
    per_device_train_batch_size: 2,
    max_steps: steps,
    lr_scheduler_type: 'constant',
    logging_steps: 1,
    device: 'cpu',
  };
  const result = await page.evaluate(
    async (request) => {
      const response = await fetch('rpc', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(request),
      });
      return (await response.json()) as { value: { id: string } };
    },
    { command: 'run.start', input: { method: 'sft', values } },
  );
  return result.value.id;
}

const rowOf = (name: string) => page.locator('.run-row').filter({ has: page.locator('.name', { hasText: name }) });
const statusOf = (name: string) => rowOf(name).locator('.badge').innerText();
const becomes = (name: string, status: string) => expect.poll(() => statusOf(name), { timeout: 60_000 }).toBe(status);
const shown = () => page.locator('.run-row .name').allInnerTexts();

/** Stands on a row of the table, so that keys go to it. */
const stand = (name: string) => rowOf(name).locator('.below').last().click();

test.skipIf(chromiumProgram === undefined)('runs take turns, in an order that a person changes', async () => {
  await page.getByText('No runs yet.').waitFor();
  expect(await axeProblems(page)).toEqual([]);
  await start('long', 3000);
  const [second, third] = [await start('second', 3), await start('third', 3)];
  await becomes('long', 'Training');

  // Two wait. The later one is moved before the other by the keys of its handle, and then by the mouse, back and forth.
  const waiting = () => page.getByRole('region', { name: 'Up next' }).locator('li a').allInnerTexts();
  await expect.poll(waiting).toEqual(['second', 'third']);
  expect(await axeProblems(page)).toEqual([]);
  await page.getByRole('button', { name: 'Move third, place 2 of 2' }).press('ArrowUp');
  await expect.poll(waiting).toEqual(['third', 'second']);
  await page.keyboard.press('ArrowDown');
  await expect.poll(waiting).toEqual(['second', 'third']);
  const items = page.getByRole('region', { name: 'Up next' }).locator('li');
  await items.nth(1).dragTo(items.nth(0));
  await expect.poll(waiting).toEqual(['third', 'second']);

  await expect.poll(() => page.locator('.pill').innerText()).toContain('left');
  await stand('long');
  await page.keyboard.press('s');
  await becomes('long', 'Stopped');
  await becomes('second', 'Completed');
  await becomes('third', 'Completed');
  expect(await page.getByRole('region', { name: 'Up next' }).count()).toBe(0);
  const startedAt = (id: string) => history.runs.get(id)?.startedAt ?? Number.NaN;
  const endedAt = (id: string) => history.runs.get(id)?.endedAt ?? Number.NaN;
  expect(endedAt(third)).toBeLessThanOrEqual(startedAt(second));
  expect(history.metrics.steps(second)).toHaveLength(3);
  expect(existsSync(join(folder, 'home/runs', third, 'adapter/adapter_model.safetensors'))).toBe(true);
});

test.skipIf(chromiumProgram === undefined)('a stopped run goes on from where it was', async () => {
  const { id, lastStep } = history.runs.list().find(({ name }) => name === 'long') ?? { id: '', lastStep: 0 };
  expect(lastStep).toBeGreaterThan(0);
  await stand('long');
  await page.keyboard.press('r');
  await becomes('long', 'Training');
  await page.keyboard.press('s');
  await becomes('long', 'Stopped');
  const said = history.events.list(id).map(({ message }) => message);
  expect(said).toContain(`Resuming from the checkpoint at step ${lastStep}.`);
});

test.skipIf(chromiumProgram === undefined)('rows are searched, put away, deleted and brought back', async () => {
  expect(await shown()).toEqual(['third', 'second', 'long']);
  await page.getByRole('button', { name: 'Run', exact: true }).click();
  expect(await shown()).toEqual(['long', 'second', 'third']);
  await page.getByLabel('Search runs').fill('ECON');
  await expect.poll(shown).toEqual(['second']);
  await page.getByRole('button', { name: 'Clear' }).click();

  // Two selected by keys lead to their comparison.
  await stand('second');
  await page.keyboard.press('Shift+ArrowDown');
  await page.getByText('2 selected').waitFor();
  expect(await axeProblems(page)).toEqual([]);
  const href = await page.getByRole('link', { name: 'Compare' }).last().getAttribute('href');
  const named = (name: string) => history.runs.list().find((run) => run.name === name)?.id ?? '';
  expect(decodeURIComponent(href ?? '')).toBe(`#/compare?runs=${named('second')},${named('third')}`);

  // Both deleted at once, and brought back.
  await page.keyboard.press('Delete');
  await expect.poll(shown).toEqual(['long']);
  await page.getByText('Deleted second and third').waitFor();
  await page.getByRole('button', { name: 'Undo' }).click();
  await expect.poll(shown).toEqual(['long', 'second', 'third']);

  // Put away, looked at there, brought back.
  await stand('second');
  await page.keyboard.press('a');
  await expect.poll(shown).toEqual(['long', 'third']);
  await page.getByText('Archived 1').click();
  await expect.poll(shown).toEqual(['second']);
  await stand('second');
  await page.keyboard.press('a');
  await page.getByRole('button', { name: 'Look at the others' }).click();
  await expect.poll(shown).toEqual(['long', 'second', 'third']);

  // A name and tags, found again by the tag.
  await stand('third');
  await page.keyboard.press('e');
  await page.getByRole('textbox', { name: 'Name' }).fill('Third time lucky');
  await page.getByRole('textbox', { name: 'Tags' }).fill('night, paper');
  expect(await axeProblems(page)).toEqual([]);
  await page.keyboard.press('Enter');
  await page.getByRole('combobox', { name: 'Tag' }).selectOption('paper');
  await expect.poll(shown).toEqual(['Third time lucky']);
  expect(await rowOf('Third time lucky').locator('.tag').allInnerTexts()).toEqual(['night', 'paper']);

  // Enter opens the run, and back leads to the same place.
  await page.getByRole('grid', { name: 'Runs' }).focus();
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Third time lucky', level: 1 }).waitFor();
  await page.goBack();
  await expect.poll(shown).toEqual(['Third time lucky']);
  expect(complaints).toEqual([]);
});

test.skipIf(chromiumProgram === undefined)('from a chosen checkpoint a new run begins; the old one stays', async () => {
  const old = history.runs.list().find(({ name }) => name === 'long');
  const id = old?.id ?? '';
  const [from, last] = history.checkpoints.list(id).map(({ step }) => step);
  if (from === undefined || last === undefined) throw new Error('there should be a checkpoint of each stop');
  await page.goto(`${page.url().split('#')[0] ?? ''}#/runs/${id}/files`);
  await page.getByRole('button', { name: `Resume from here at step ${last}` }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText('long itself goes on.').waitFor();
  await page.keyboard.press('Escape');

  await page.getByRole('button', { name: `Resume from here at step ${from}` }).click();
  await dialog.getByText('long stays as it is, with all that came after').waitFor();
  expect(await axeProblems(page)).toEqual([]);
  await dialog.getByLabel('Train until step').fill(String(from));
  await dialog.getByRole('button', { name: 'Begin a new run here' }).click();
  await dialog.getByText('nothing is left to train').waitFor();
  await dialog.getByLabel('Train until step').fill(String(from + 1));
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: `long from step ${from}`, level: 1 }).waitFor();
  await expect.poll(() => page.locator('main .badge').innerText(), { timeout: 60_000 }).toBe('Completed');

  const branch = history.runs.list().find(({ name }) => name === `long from step ${from}`)?.id ?? '';
  const lossesOf = (run: string) => history.metrics.steps(run).map(({ step, loss }) => ({ step, loss }));
  expect(lossesOf(branch)).toEqual(lossesOf(id).slice(0, from + 1));
  expect(history.runs.get(id)).toEqual(old);
  expect(history.checkpoints.list(id).map(({ step }) => step)).toEqual([from, last]);
  expect(complaints).toEqual([]);
});
