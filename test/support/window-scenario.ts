// What a person does in the window, the same for every host that shows it. Expects the history of seed-history.ts.
import axe from 'axe-core';
import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Locator, Page } from 'playwright-core';
import { expect } from 'vitest';
import { addSteps, lossAt, type SeededHome } from './seed-history.ts';

const pictures = resolve('test-output/screenshots');

/** Records what the page complains about: errors, and breaches of its Content-Security-Policy. */
export function watchComplaints(page: Page): string[] {
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  return complaints;
}

export async function walkThroughHistory(page: Page, { history }: SeededHome, host: string): Promise<void> {
  mkdirSync(pictures, { recursive: true });
  await page.setViewportSize({ width: 1200, height: 800 });
  const picture = async (name: string): Promise<void> => {
    await page.screenshot({ path: `${pictures}/${host}-${name}.png` });
  };

  // The list: newest first, true statuses.
  const rows = page.locator('.run-row');
  await rows.first().waitFor();
  expect(await rows.locator('a').allInnerTexts()).toEqual(['swift-trout', 'brave-heron', 'misty-reed', 'calm-otter']);
  expect(await rows.locator('.badge').allInnerTexts()).toEqual(['Training', 'Failed', 'Interrupted', 'Completed']);
  expect(await axeProblems(page)).toEqual([]);
  await picture('runs');
  await page.emulateMedia({ colorScheme: 'dark' });
  expect(await axeProblems(page)).toEqual([]);
  await picture('runs-dark');
  await page.emulateMedia({ colorScheme: 'light' });

  // A live run, reached by keyboard: what another process writes appears by itself.
  await page.getByRole('grid', { name: 'Runs' }).focus();
  await page.keyboard.press('Enter');
  const steps = page.locator('main dl dd').first();
  await page.getByRole('heading', { name: 'swift-trout', level: 1 }).waitFor();
  expect(await steps.innerText()).toBe('30 / 100');
  addSteps(history, 'swift-trout', 31, 42, Date.now() - 42_000);
  await expect.poll(() => steps.innerText(), { timeout: 20_000 }).toBe('42 / 100');
  await expect.poll(() => page.locator('.pill').innerText(), { timeout: 20_000 }).toContain(lossAt(42).toFixed(4));
  const lossNow = page.getByRole('region', { name: 'Loss', exact: true }).locator('dd');
  await expect.poll(() => lossNow.allInnerTexts(), { timeout: 20_000 }).toContain(lossAt(42).toFixed(4));

  // A finished run: its charts with one crosshair, and their numbers as a table.
  await page.goBack();
  await rows.locator('a', { hasText: 'calm-otter' }).click();
  const facts = page.locator('main dl').first();
  await expect.poll(async () => (await facts.innerText()).replaceAll(/\s+/g, ' ')).toContain('Reward margin 2');
  expect((await facts.innerText()).replaceAll(/\s+/g, ' ')).toContain('Chosen ahead 88 %');
  // For preferences the margin comes first.
  const charts = page.locator('section').filter({ has: page.getByRole('application') });
  expect((await charts.locator('h2').allInnerTexts()).slice(0, 2)).toEqual(['Reward margin', 'Loss']);
  const loss = page.getByRole('region', { name: 'Loss', exact: true });
  await loss.getByText('As a table').click();
  const table = page.getByRole('region', { name: 'Loss as a table' });
  await expect.poll(() => table.locator('tbody tr').count()).toBe(200);
  const cells = await table.locator('tbody tr').nth(49).locator('td').allInnerTexts();
  expect([cells[0], cells[1], cells[3]]).toEqual(['50', lossAt(50).toFixed(4), (lossAt(50) + 0.12).toFixed(4)]);
  expect(await axeProblems(page)).toEqual([]);
  await loss.getByText('As a table').click();
  await table.waitFor({ state: 'detached' });
  await loss.scrollIntoViewIfNeeded();
  const plot = await loss.getByRole('application').boundingBox();
  if (!plot) throw new Error('the chart is not on the screen');
  await page.mouse.move(plot.x + plot.width * 0.5, plot.y + 100);
  const crosshairs = page.locator('.u-cursor-x');
  const places = (): Promise<number[]> =>
    crosshairs.evaluateAll((lines) => lines.map((line) => new DOMMatrix(getComputedStyle(line).transform).e));
  // In all charts that are in sight.
  await expect.poll(async () => (await places()).filter((left) => left > 0).length).toBeGreaterThan(1);
  await picture('run');
  await page.emulateMedia({ colorScheme: 'dark' });
  expect(await axeProblems(page)).toEqual([]);
  await picture('run-dark');
  await page.emulateMedia({ colorScheme: 'light' });

  // A part that is dragged over fills all charts; by keyboard Escape shows all again.
  const stepOf = (chart: Locator): Promise<number> => chart.locator('dd').first().innerText().then(Number);
  await page.mouse.move(plot.x + plot.width * 0.4, plot.y + 60);
  await page.mouse.down();
  await page.mouse.move(plot.x + plot.width * 0.6, plot.y + 60, { steps: 4 });
  await page.mouse.up();
  await page.getByRole('button', { name: 'Show all' }).waitFor();
  // The crosshair follows the pointer, and the zoom comes with the next frame.
  await expect
    .poll(async () => {
      await page.mouse.move(plot.x + plot.width - 20, plot.y + 50);
      await page.mouse.move(plot.x + plot.width - 20, plot.y + 60);
      return stepOf(loss);
    })
    .toBeLessThan(150);
  await loss.getByRole('application').focus();
  await page.keyboard.press('Escape');
  await page.getByText('Drag over a chart to zoom').waitFor();

  // Numbers to take away: every step, in columns by TRL's names.
  const csv = (await savedBy(page, () => page.getByRole('button', { name: 'All as CSV' }).click()))
    .trimEnd()
    .split('\r\n');
  expect(csv[0]).toMatch(/^kind,step,loss,/);
  expect(csv.filter((row) => row.startsWith('step,'))).toHaveLength(200);
  expect(csv.filter((row) => row.startsWith('evaluation,'))).toHaveLength(4);

  // The other parts of the run each have an address.
  const parts = page.getByRole('navigation', { name: 'Parts of the run' });
  await parts.getByText('Samples').click();
  const samples = page.getByRole('region', { name: 'Who are you?' });
  await samples.waitFor();
  expect(await samples.locator('li').allInnerTexts()).toHaveLength(4);
  expect(await samples.locator('li').first().innerText()).toMatch(/step 200\s+An otter of 200 steps\./);
  expect(await samples.locator('mark').allInnerTexts()).toEqual(['200 ', '150 ', '100 ']);
  expect(await axeProblems(page)).toEqual([]);
  await picture('samples');
  await parts.getByText('Events and log').click();
  await page.getByText('3 rows were cut at max_length 512.').waitFor();
  await page.getByText('Log', { exact: true }).click();
  await page.getByText('Nothing was printed.').waitFor();
  expect(await axeProblems(page)).toEqual([]);
  await parts.getByText('Checkpoints and exports').click();
  await page.getByText('checkpoint-150').waitFor();
  await expect.poll(() => page.locator('tbody tr').first().innerText()).toContain('kB');
  expect(await axeProblems(page)).toEqual([]);
  await parts.getByText('Recipe').click();
  await page.getByText('learning_rate: 0.0002').waitFor();
  expect(await axeProblems(page)).toEqual([]);
  await page.goBack();
  await page.getByRole('heading', { name: 'On disk' }).waitFor();

  await nameAndNote(page, history);
  await compareRuns(page, picture);
  await page.goto(`${page.url().split('#')[0] ?? ''}#/runs`);
  await rows.first().waitFor();

  // A failed run says why and what to do; reload keeps the place.
  await rows.locator('a', { hasText: 'brave-heron' }).click();
  await page.reload();
  await page.getByText('Lower learning_rate (it is 0.5), then start again.').waitFor();
  await picture('failed');
}

/** A run gets a name, a tag and a note; all of them are kept. Expects the page of "calm-otter". */
async function nameAndNote(page: Page, history: SeededHome['history']): Promise<void> {
  const kept = () => {
    const { name, tags, notes } = history.runs.get('calm-otter') ?? {};
    return { name, tags, notes };
  };
  await page.getByRole('button', { name: 'Rename' }).click();
  await page.getByRole('textbox', { name: 'Name of the run' }).fill('Otter talk');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Otter talk', level: 1 }).waitFor();
  await page.getByRole('button', { name: 'Tag', exact: true }).click();
  await page.getByRole('textbox', { name: 'New tag' }).fill('river');
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Remove the tag river' }).waitFor();
  await page.getByRole('navigation', { name: 'Parts of the run' }).getByText('Notes').click();
  await page.getByRole('textbox', { name: 'Notes' }).fill('Answers like an otter.');
  await page.getByText('Saved').waitFor();
  expect(kept()).toEqual({ name: 'Otter talk', tags: ['river'], notes: 'Answers like an otter.' });
  expect(await axeProblems(page)).toEqual([]);
}

/** From a run's page to a comparison with another one, found by a word; the address holds what is compared. */
async function compareRuns(page: Page, picture: (name: string) => Promise<void>): Promise<void> {
  await page.getByRole('link', { name: 'Compare', exact: true }).last().click();
  await page.getByRole('searchbox', { name: 'Search runs' }).fill('heron');
  expect(await axeProblems(page)).toEqual([]);
  await page.getByRole('checkbox').click();
  const loss = page.getByRole('region', { name: 'Loss', exact: true });
  await loss.waitFor();
  expect(await loss.locator('dt').allInnerTexts()).toEqual(['Step', 'Otter talk', 'brave-heron']);
  const final = page.getByRole('region', { name: 'Final metrics' });
  const row = final.getByRole('row', { name: /^Loss loss/ });
  expect((await row.locator('td').allInnerTexts()).map((text) => text.replaceAll(/\s+/g, ' ').trim())).toEqual([
    `★ ${lossAt(200).toFixed(4)}`,
    lossAt(12).toFixed(4),
  ]);
  const diff = page.getByRole('region', { name: 'Recipe differences' });
  expect(await diff.getByRole('row', { name: 'method dpo sft' }).count()).toBe(1);
  expect(await diff.getByText('lora_r').count()).toBe(0); // the same in both
  expect(await axeProblems(page)).toEqual([]);
  await picture('compare');
  await page.emulateMedia({ colorScheme: 'dark' });
  expect(await axeProblems(page)).toEqual([]);
  await picture('compare-dark');
  await page.emulateMedia({ colorScheme: 'light' });
  await page.reload();
  await loss.waitFor();
  await page.getByRole('button', { name: 'Leave out brave-heron' }).click();
  await page.getByRole('heading', { name: 'Choose one more, or several' }).waitFor();
}

/** The text of the file that an action hands to the person. Where the browser puts it differs from host to host. */
export async function savedBy(page: Page, act: () => Promise<void>): Promise<string> {
  const text = page.evaluate(
    () =>
      new Promise<string>((saved) => {
        const make = URL.createObjectURL.bind(URL);
        URL.createObjectURL = (blob: Blob) => {
          URL.createObjectURL = make;
          void blob.text().then(saved);
          return make(blob);
        };
      }),
  );
  await act();
  return text;
}

/** Breaches of WCAG 2 A and AA on the screen, as "rule: element". */
export async function axeProblems(page: Page): Promise<string[]> {
  // Evaluated, not injected: the page's policy forbids foreign scripts.
  await page.evaluate(axe.source);
  const results = await page.evaluate(async () => {
    const { violations } = await (globalThis as unknown as { axe: typeof axe }).axe.run();
    return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html}`));
  });
  return results;
}
