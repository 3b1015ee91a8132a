// How fast the window draws a run of 100,000 steps, and what an hour of live metrics leaves in its memory. Run it after
// a build: node test/bench/charts.ts. Figures are for docs/performance.md; nothing is asserted.
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { CDPSession, Page } from 'playwright-core';
import type { AppEvent, Bridge } from '../../preload/contract.ts';
import { thisProcess } from '../../main/app/process-identity.ts';
import { openChromium } from '../support/chromium.ts';
import { addSteps, seedHome } from '../support/seed-history.ts';

const STEPS = 100_000;
/** Ten steps a second, for an hour. */
const LIVE_STEPS = 36_000;
const STEPS_PER_FRAME = 10;

type Speaking = { tell: (event: AppEvent) => void };

const { folder, history } = seedHome();
for (const [id, last] of [
  ['long-river', STEPS],
  ['young-river', 1],
] as const) {
  const recipe = { model_name_or_path: '/models/a', dataset_name: 'a.jsonl' };
  history.runs.insert({ id, method: 'sft', name: undefined, recipe, outputDir: `/adapters/${id}`, createdAt: 1 });
  history.runs.update(id, { status: 'training', startedAt: 1, totalSteps: STEPS, host: thisProcess() });
  addSteps(history, id, 1, last, 1);
}
for (let step = 1000; step <= STEPS; step += 1000)
  history.metrics.addEvaluation('long-river', { step, recordedAt: step, metrics: { eval_loss: 1 + 1000 / step } });

const server = spawn(process.execPath, ['out/main/cli.js', 'serve', '--port', '0'], {
  env: { ...process.env, LORELEI_HOME: folder },
  stdio: ['ignore', 'pipe', 'inherit'],
});
const browser = await openChromium();
try {
  const link = await new Promise<string>((resolve) => {
    createInterface(server.stdout).on('line', (line) => {
      const found = /http:\S+/.exec(line)?.[0];
      if (found !== undefined) resolve(found);
    });
  });
  const page = await browser.context.newPage();
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.addInitScript(speakToThePage);
  await page.goto(link);
  const session = await browser.context.newCDPSession(page);
  await session.send('Performance.enable');
  await measureLongRun(page, session, new URL(link).origin);
  await measureAnHour(page, session, new URL(link).origin);
  await measureLeaving(page, session);
} finally {
  await browser.close();
  server.kill();
  history.close();
  rmSync(folder, { recursive: true, force: true });
}

/** In the page: the bridge of a desktop window, over HTTP, that also says what this script wants it to. */
function speakToThePage(): void {
  const listeners = new Set<(event: AppEvent) => void>();
  const bridge = {
    async call(command: string, input: unknown, task?: string) {
      const body = JSON.stringify({ command, input, task });
      const headers = { 'content-type': 'application/json' };
      return (await (await fetch('rpc', { method: 'POST', headers, body })).json()) as never;
    },
    onEvent(listener: (event: AppEvent) => void) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  } as Bridge;
  const tell = (event: AppEvent): void => listeners.forEach((listener) => listener(event));
  Object.assign(globalThis, { lorelei: bridge, tell });
}

async function measureLongRun(page: Page, session: CDPSession, origin: string): Promise<void> {
  const started = performance.now();
  await page.goto(`${origin}/#/runs/long-river`);
  const loss = page.getByRole('region', { name: 'Loss', exact: true });
  await loss.waitFor();
  await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
  console.log(
    `${STEPS.toLocaleString('en')} steps, from the click to the charts: ${(performance.now() - started).toFixed(0)} ms`,
  );
  const charts = await page.getByRole('application').count();

  const box = await loss.getByRole('application').boundingBox();
  if (!box) throw new Error('the chart is not on the screen');
  await report(session, page, `crosshair over ${String(charts)} charts`, async () => {
    for (let i = 0; i < 120; i++) {
      await page.mouse.move(box.x + 70 + ((box.width - 90) * i) / 120, box.y + 80);
      await nextFrame(page);
    }
  });
  const slider = page.getByRole('slider', { name: 'Smoothing' });
  await slider.focus();
  await report(session, page, 'another smoothing in each frame, all lines', async () => {
    for (let i = 0; i < 60; i++) {
      await page.keyboard.press(i % 30 < 15 ? 'ArrowLeft' : 'ArrowRight');
      await nextFrame(page);
    }
  });
  await loss.getByRole('application').focus();
  await report(session, page, 'zooming in and out', async () => {
    for (let i = 0; i < 60; i++) {
      await page.keyboard.press(i % 12 < 6 ? '+' : '-');
      await nextFrame(page);
    }
  });
  await page.keyboard.press('Escape');
  await report(session, page, 'a live step in each frame', () => tellSteps(page, 'long-river', STEPS + 1, 300, 1));
}

async function measureAnHour(page: Page, session: CDPSession, origin: string): Promise<void> {
  await page.goto(`${origin}/#/runs/young-river`);
  await page.getByRole('region', { name: 'Loss', exact: true }).waitFor();
  await tellSteps(page, 'young-river', 2, 200, 1);
  console.log(`at the start of an hour of live metrics: ${await memoryOf(session)}`);
  const quarter = LIVE_STEPS / 4;
  for (const minutes of [15, 30, 45, 60]) {
    const first = 202 + (minutes / 15 - 1) * quarter;
    const label = `minutes ${String(minutes - 15)} to ${String(minutes)} (${quarter.toLocaleString('en')} steps), ${String(STEPS_PER_FRAME)} in each frame`;
    await report(session, page, label, () => tellSteps(page, 'young-river', first, quarter, STEPS_PER_FRAME));
    console.log(`after ${String(minutes)} minutes: ${await memoryOf(session)}`);
  }
}

/** What is left when one has been to the long run and gone elsewhere. Nothing is looked up here: that holds elements, too. */
async function measureLeaving(page: Page, session: CDPSession): Promise<void> {
  await page.reload();
  for (let visit = 0; visit <= 6; visit++) {
    for (const screen of visit === 0 ? ['#/settings'] : ['#/runs/long-river', '#/settings']) {
      await page.evaluate((hash) => (location.hash = hash), screen);
      await page.waitForTimeout(2500);
    }
    if (visit % 3 === 0) console.log(`on another screen, after ${String(visit)} visits: ${await memoryOf(session)}`);
  }
}

/** Tells the page of steps, each with what a run logs, an event for each of them. */
async function tellSteps(page: Page, run: string, first: number, count: number, perFrame: number): Promise<void> {
  await page.evaluate(
    async ({ run, first, count, perFrame }) => {
      const { tell } = globalThis as unknown as Speaking;
      for (let step = first; step < first + count; step++) {
        const loss = 1 + Math.exp(-step / 5000) + 0.1 * Math.sin(step * 2.3);
        const metrics = { loss, grad_norm: loss / 2, learning_rate: 1e-4, num_tokens: 1840 * step, entropy: loss };
        const record = { type: 'step' as const, step, loss, stepMs: 100, tokensPerSecond: 18_400, metrics };
        tell({ type: 'run-records', run, records: [record] });
        if (step % perFrame === 0) await new Promise((next) => requestAnimationFrame(next));
      }
    },
    { run, first, count, perFrame },
  );
}

async function nextFrame(page: Page): Promise<void> {
  await page.evaluate(() => new Promise((next) => requestAnimationFrame(next)));
}

/** Says how far apart frames were while something went on, and how long the page was at work for each. */
async function report(session: CDPSession, page: Page, what: string, act: () => Promise<void>): Promise<void> {
  await page.evaluate(() => {
    const frames: number[] = [];
    let on = true;
    const note = (at: number): void => {
      frames.push(at);
      if (on) requestAnimationFrame(note);
    };
    requestAnimationFrame(note);
    Object.assign(globalThis, { frames, stopFrames: () => (on = false) });
  });
  const before = await busyMs(session);
  await act();
  const busy = (await busyMs(session)) - before;
  const frames = await page.evaluate(() => {
    const noted = globalThis as unknown as { frames: number[]; stopFrames: () => void };
    noted.stopFrames();
    return noted.frames;
  });
  const gaps = frames
    .slice(1)
    .map((at, i) => at - (frames[i] ?? at))
    .sort((a, b) => a - b);
  const at = (share: number): string => (gaps[Math.floor(share * (gaps.length - 1))] ?? Number.NaN).toFixed(1);
  console.log(
    `${what}: ${String(gaps.length)} frames, ${at(0.5)} ms apart (95 % within ${at(0.95)}, longest ${at(1)}), ` +
      `${(busy / gaps.length).toFixed(1)} ms of work each`,
  );
}

async function busyMs(session: CDPSession): Promise<number> {
  const { metrics } = await session.send('Performance.getMetrics');
  return 1000 * (metrics.find(({ name }) => name === 'TaskDuration')?.value ?? Number.NaN);
}

/** What the page holds after its garbage is gone. */
async function memoryOf(session: CDPSession): Promise<string> {
  await session.send('HeapProfiler.collectGarbage');
  const { usedSize, backingStorageSize } = (await session.send('Runtime.getHeapUsage')) as Record<string, number>;
  const { metrics } = await session.send('Performance.getMetrics');
  const count = (name: string): string => String(metrics.find((one) => one.name === name)?.value ?? Number.NaN);
  const mb = (bytes = 0): string => `${(bytes / 1e6).toFixed(1)} MB`;
  return `${mb(usedSize)} of objects, ${mb(backingStorageSize)} of arrays, ${count('Nodes')} nodes, ${count('JSEventListeners')} listeners`;
}
