// What a person does in the window, the same for every host that shows it. Expects the history of seed-history.ts.
import axe from 'axe-core';
import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Page } from 'playwright-core';
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
  const rows = page.locator('tbody tr');
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
  await rows.locator('a', { hasText: 'swift-trout' }).focus();
  await page.keyboard.press('Enter');
  const steps = page.locator('main dl dd').first();
  await page.getByRole('heading', { name: 'SmolLM2-135M' }).waitFor();
  expect(await steps.innerText()).toBe('30 / 100');
  addSteps(history, 'swift-trout', 31, 42, Date.now() - 42_000);
  await expect.poll(() => steps.innerText(), { timeout: 20_000 }).toBe('42 / 100');
  await expect.poll(() => page.locator('.pill').innerText(), { timeout: 20_000 }).toContain(lossAt(42).toFixed(4));

  // A finished run: its chart, the chart's numbers as a table, its events and checkpoints.
  await page.goBack();
  await rows.locator('a', { hasText: 'calm-otter' }).click();
  await page.getByRole('heading', { name: 'On disk' }).waitFor();
  await page.getByText('As a table').click();
  const table = page.getByRole('region', { name: 'Loss per step' });
  expect(await table.locator('tbody tr').count()).toBe(200);
  const cells = await table.locator('tbody tr').nth(49).locator('td').allInnerTexts();
  expect([cells[0], cells[1], cells[3]]).toEqual(['50', lossAt(50).toFixed(4), (lossAt(50) + 0.12).toFixed(4)]);
  expect(await page.getByText('3 rows were cut at max_length 512.').count()).toBe(1);
  expect(await page.getByText('checkpoint-150').count()).toBe(1);
  const facts = await page.locator('main dl').first().innerText();
  expect(facts.replaceAll(/\s+/g, ' ')).toContain('Reward margin 2 Chosen ahead 88 %');
  const samples = page.getByRole('region', { name: 'Samples' });
  expect(await samples.getByRole('heading', { name: 'Who are you?' }).count()).toBe(1);
  expect(await samples.locator('li').allInnerTexts()).toHaveLength(4);
  expect(await samples.locator('li').first().innerText()).toMatch(/step 200\s+An otter of 200 steps\./);
  expect(await axeProblems(page)).toEqual([]);
  await page.getByText('As a table').click();
  const plot = await page.locator('.plot').boundingBox();
  if (!plot) throw new Error('the chart is not on the screen');
  await page.mouse.move(plot.x + plot.width * 0.5, plot.y + 100);
  await picture('run');
  await page.emulateMedia({ colorScheme: 'dark' });
  expect(await axeProblems(page)).toEqual([]);
  await picture('run-dark');
  await page.emulateMedia({ colorScheme: 'light' });

  // A failed run says why and what to do; reload keeps the place.
  await page.goBack();
  await rows.locator('a', { hasText: 'brave-heron' }).click();
  await page.reload();
  await page.getByText('Lower learning_rate (it is 0.5), then start again.').waitFor();
  await picture('failed');
}

/** Breaches of WCAG 2 A and AA on the screen, as "rule: element". */
async function axeProblems(page: Page): Promise<string[]> {
  // Evaluated, not injected: the page's policy forbids foreign scripts.
  await page.evaluate(axe.source);
  const results = await page.evaluate(async () => {
    const { violations } = await (globalThis as unknown as { axe: typeof axe }).axe.run();
    return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html}`));
  });
  return results;
}
