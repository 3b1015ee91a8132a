// How long a person waits for the window: from the start of the program to the first paint and to a list of 10,000 runs
// that answers, and from a click to the next step of the wizard. `npm run bench:window`; figures for docs/performance.md.
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Page } from 'playwright-core';
import { resourcePath } from '../../main/app/resources.ts';
import { openHistory } from '../../main/store/history.ts';
import { openChromium } from '../support/chromium.ts';
import { lossAt } from '../support/seed-history.ts';
import { startServe } from '../support/serve-process.ts';

const RUNS = 10_000;
/** With steps, so that rows have a line of losses to draw. */
const RUNS_WITH_STEPS = 500;
const ROUNDS = 5;

const home = mkdtempSync(join(tmpdir(), 'lorelei-bench-'));
fillHistory();
const values = {
  model_name_or_path: resourcePath('starter-model'),
  dataset_name: resourcePath('sample-data', 'sft.jsonl'),
};
writeFileSync(join(home, 'draft.json'), JSON.stringify({ method: 'sft', preset: 'quick-try', values }));

try {
  const starts = [];
  const steps = [];
  for (let round = 0; round < ROUNDS; round++) {
    // Each start is cold: another process, and a browser with an empty cache.
    const folder = mkdtempSync(join(tmpdir(), 'lorelei-bench-'));
    cpSync(home, folder, { recursive: true });
    const began = performance.now();
    const served = await startServe(folder, { LORELEI_KEYCHAIN: 'off' });
    const answeredMs = performance.now() - began;
    const browser = await openChromium();
    try {
      const page = await browser.context.newPage();
      await page.setViewportSize({ width: 1280, height: 800 });
      starts.push({ answeredMs, ...(await openList(page, served.link())) });
      steps.push(await walkWizard(page));
    } finally {
      await browser.close();
      await served.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  }
  say(
    `the program, until it can be opened`,
    starts.map(({ answeredMs }) => answeredMs),
  );
  say(
    'the page, from its address to the first paint',
    starts.map(({ paintMs }) => paintMs),
  );
  say(
    `the page, from its address to the rows of ${RUNS.toLocaleString('en')} runs`,
    starts.map(({ rowsMs }) => rowsMs),
  );
  say(
    'a key until the row below is marked',
    starts.map(({ keyMs }) => keyMs),
  );
  say(
    'a word in the search until its runs are shown',
    starts.map(({ searchMs }) => searchMs),
  );
  for (const step of Object.keys(steps[0] ?? {}))
    say(
      `the wizard, from the click to ${step}`,
      steps.map((one) => one[step] ?? Number.NaN),
    );
} finally {
  rmSync(home, { recursive: true, force: true });
}

function fillHistory(): void {
  const history = openHistory(join(home, 'lorelei.db'), resolve('resources/migrations'));
  const recipe = { model_name_or_path: '/models/a', dataset_name: 'a.jsonl', learning_rate: 2e-4, lora_r: 16 };
  const start = Date.now() - RUNS * 60_000;
  history.transaction(() => {
    for (let i = 0; i < RUNS; i++) {
      const id = `river-${String(i).padStart(5, '0')}`;
      const createdAt = start + i * 60_000;
      history.runs.insert({
        id,
        method: i % 3 === 0 ? 'dpo' : 'sft',
        name: `Run ${String(i)}`,
        recipe,
        outputDir: `/a/${id}`,
        createdAt,
      });
      if (i >= RUNS - RUNS_WITH_STEPS)
        for (let step = 1; step <= 50; step++) {
          const loss = lossAt(step);
          history.metrics.addStep(id, {
            step,
            recordedAt: createdAt + step,
            loss,
            stepMs: 1000,
            tokensPerSecond: 1,
            logged: { loss },
          });
        }
      const end = {
        status: 'completed',
        totalSteps: 50,
        lastStep: 50,
        lastLoss: lossAt(50),
        startedAt: createdAt,
      } as const;
      history.runs.update(id, { ...end, endedAt: createdAt + 50_000 });
    }
  });
  history.close();
}

async function openList(page: Page, link: string) {
  await page.goto(link);
  const rows = page.locator('.run-row');
  await rows.first().waitFor();
  // By the page's own clock, which begins with its address.
  const { paintMs, rowsMs } = await page.evaluate(() => ({
    paintMs: performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? Number.NaN,
    rowsMs: performance.now(),
  }));
  return { paintMs, rowsMs, ...(await page.evaluate(useList)) };
}

/** In the page: a key and a word, each until what they lead to is drawn. */
async function useList(): Promise<{ keyMs: number; searchMs: number }> {
  const grid = document.querySelector<HTMLElement>('[role=grid]');
  const search = document.querySelector<HTMLInputElement>('input[type=search]');
  if (!grid || !search) throw new Error('the list is not on the screen');
  const drawn = async (act: () => void, isDone: () => boolean): Promise<number> => {
    const began = performance.now();
    act();
    while (!isDone()) await new Promise((next) => requestAnimationFrame(next));
    await new Promise((next) => requestAnimationFrame(() => setTimeout(next)));
    return performance.now() - began;
  };
  grid.focus();
  await new Promise((next) => setTimeout(next, 200));
  const first = grid.getAttribute('aria-activedescendant');
  const keyMs = await drawn(
    () => grid.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowDown', bubbles: true })),
    () => grid.getAttribute('aria-activedescendant') !== first,
  );
  const searchMs = await drawn(
    () => {
      search.value = 'Run 1239';
      search.dispatchEvent(new InputEvent('input', { bubbles: true }));
    },
    () => document.querySelector('.run-row .name')?.textContent.trim() === 'Run 1239',
  );
  return { keyMs, searchMs };
}

/** Each step once before, so that its code is there, and then from step to step as one goes back and forth. */
async function walkWizard(page: Page): Promise<Record<string, number>> {
  const steps = ['Model', 'Data', 'Method and settings', 'Review and start'];
  await page.evaluate(() => (location.hash = '#/new/model'));
  const link = (step: string) => page.getByRole('navigation', { name: 'Steps' }).getByRole('link', { name: step });
  const headings: Record<string, string> = {
    Model: 'Which model should learn?',
    Data: 'What should it learn from?',
    'Method and settings': 'How should it learn?',
    'Review and start': 'Ready to start?',
  };
  const times: Record<string, number> = {};
  for (const step of [...steps, ...steps]) {
    await link(step).waitFor();
    times[step] = await page.evaluate(
      async ([name, heading]) => {
        const links = [...document.querySelectorAll<HTMLAnchorElement>('nav[aria-label=Steps] a')];
        const began = performance.now();
        links.find((one) => one.textContent.includes(name ?? ''))?.click();
        const shown = (): boolean => [...document.querySelectorAll('h1')].some((h1) => h1.textContent === heading);
        while (!shown()) await new Promise((next) => requestAnimationFrame(next));
        // Drawn, too.
        await new Promise((next) => requestAnimationFrame(() => setTimeout(next)));
        return performance.now() - began;
      },
      [step, headings[step]],
    );
    await page.waitForTimeout(500);
  }
  return times;
}

/** The median, and what lies between. */
function say(what: string, times: readonly number[]): void {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (i: number): string => (sorted[i] ?? Number.NaN).toFixed(0);
  console.log(`${what}: ${at(sorted.length >> 1)} ms (${at(0)} to ${at(sorted.length - 1)})`);
}
