// The quickstart as a stranger runs it, and its run in the window. The picture of it is the one that README.md shows.
import { readdirSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunSummary } from '../../preload/contract.ts';
import { chromiumProgram, openChromium } from '../support/chromium.ts';
import { jsonRows, startLorelei, type Outcome, type Started } from '../support/lorelei-process.ts';
import { watchComplaints } from '../support/window-scenario.ts';

let folder: string;
let outcome: Outcome;

const lorelei = (...words: string[]): Started =>
  startLorelei('../../out/main/cli.js', words, { folder, home: join(folder, 'home') });

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'lorelei-quickstart-'));
  outcome = await lorelei('quickstart').ended;
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('it succeeds, and the loss on rows it never saw falls by a third at least', () => {
  expect(outcome.code, outcome.stderr).toBe(0);
  const said = /never saw: ([\d.]+) before, ([\d.]+) after/.exec(outcome.stdout);
  const [before, after] = [Number(said?.[1]), Number(said?.[2])];
  expect(after).toBeLessThan((before * 2) / 3);
});

test('the fine-tune is heard in what the model says', () => {
  const answers = outcome.stdout.split('\n').filter((line) => /^ {2}(before|after) /.test(line));
  const [before, after] = ['before', 'after'].map((when) => answers.filter((line) => line.startsWith(`  ${when}`)));
  expect(before).toHaveLength(3);
  expect(after).toHaveLength(3);
  for (const line of before ?? []) expect(line).not.toContain('Aye, sailor!');
  for (const line of after ?? []) expect(line).toContain('Aye, sailor!');
});

test('the adapter lies in the folder that it names, and the run in the history', async () => {
  const adapter = /PEFT's format: (.+)/.exec(outcome.stdout)?.[1] ?? '';
  expect(readdirSync(adapter)).toEqual(expect.arrayContaining(['adapter_config.json', 'adapter_model.safetensors']));
  const runs = jsonRows(await lorelei('runs', '--json').ended) as RunSummary[];
  expect(runs).toMatchObject([{ status: 'completed', modelName: 'starter-model' }]);
});

test.skipIf(chromiumProgram === undefined)('the window shows it', async () => {
  const server = lorelei('serve', '--port', '0');
  const links: string[] = [];
  server.child.stdout?.on('data', (data: Buffer) => links.push(...(data.toString().match(/http:\S+/g) ?? [])));
  await server.saw('Ctrl-C');
  const { context, close } = await openChromium();
  try {
    const page = await context.newPage();
    const complaints = watchComplaints(page);
    await page.setViewportSize({ width: 1200, height: 592 });
    await page.goto(links[0] ?? '');
    await page.locator('.run-row a').click();
    await page.locator('.plot canvas').first().waitFor();
    expect(await page.locator('main .badge').innerText()).toBe('Completed');
    mkdirSync('test-output/screenshots', { recursive: true });
    await page.screenshot({ path: resolve('test-output/screenshots/quickstart.png') });
    expect(complaints).toEqual([]);
  } finally {
    await close();
    server.child.kill();
    await server.ended;
  }
});
