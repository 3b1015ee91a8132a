// What a run has learned, in the window that `lorelei serve` shows: asked beside the starter model, and exported. The adapter is a
// really trained one.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readAdapter } from '../../main/checkpoints/adapter.ts';
import { chromiumProgram, openChromium, type Chromium } from '../support/chromium.ts';
import { startLorelei } from '../support/lorelei-process.ts';
import { starterModel } from '../support/run-job.ts';
import { axeProblems, watchComplaints } from '../support/window-scenario.ts';

const at = { folder: '', home: '' };
let server: ChildProcess;
let chromium: Chromium;
let page: Page;
let origin: string;
let complaints: string[];

/** Other tests may keep the processor busy. */
const patient = { timeout: 20_000 };

beforeAll(async () => {
  if (chromiumProgram === undefined) return;
  at.folder = mkdtempSync(join(tmpdir(), 'lorelei-try-'));
  at.home = join(at.folder, 'home');
  const recipe = {
    use_peft: true,
    run_name: 'Sailor talk',
    model_name_or_path: starterModel,
    dataset_name: join(starterModel, '../sample-data/sft.jsonl'),
    output_dir: join(at.folder, 'adapter'),
    max_steps: 24,
    save_steps: 12,
    learning_rate: 5e-3,
    per_device_train_batch_size: 8,
  };
  const words = Object.entries(recipe).flatMap(([key, value]) => [`--${key}`, String(value)]);
  const trained = await startLorelei('../../out/main/cli.js', ['sft', ...words], at).ended;
  expect(trained, trained.stderr).toMatchObject({ code: 0 });
  server = spawn(process.execPath, ['out/main/cli.js', 'serve', '--port', '0'], {
    env: { ...process.env, LORELEI_HOME: at.home, LORELEI_KEYCHAIN: 'off', HF_HUB_CACHE: join(at.folder, 'hub') },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const { stdout } = server;
  if (!stdout) throw new Error('no output to read');
  const link = await new Promise<string>((found) =>
    createInterface(stdout).on('line', (line) => {
      const [first] = /http:\S+/.exec(line) ?? [];
      if (first !== undefined) found(first);
    }),
  );
  chromium = await openChromium();
  page = await chromium.context.newPage();
  complaints = watchComplaints(page);
  await page.setViewportSize({ width: 1024, height: 700 });
  await page.goto(link);
  origin = new URL(link).origin;
});

afterAll(async () => {
  if (chromiumProgram === undefined) return;
  await chromium.close();
  server.kill();
  rmSync(at.folder, { recursive: true, force: true });
});

/** Accessible, not wider than the smallest window, and a picture of it to look at. */
async function inspect(name: string): Promise<void> {
  mkdirSync('test-output/screenshots', { recursive: true });
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    expect(await axeProblems(page), `${name}, ${colorScheme}`).toEqual([]);
    await page.screenshot({ path: `test-output/screenshots/${name}-${colorScheme}.png` });
  }
  const overflow = await page.evaluate(() => {
    const main = document.querySelector('main');
    return main === null ? 0 : main.scrollWidth - main.clientWidth;
  });
  expect(overflow, name).toBe(0);
}

/** What the command line answers, in a process of its own. */
async function commandLineSays(...words: string[]): Promise<string> {
  const { stdout, code } = await startLorelei('../../out/main/cli.js', ['generate', ...words], at).ended;
  expect(code).toBe(0);
  return stdout.trim();
}

/** The numbers of the processes that a process has started. */
function childrenOf({ pid = 0 }: ChildProcess): string[] {
  const { stdout } = spawnSync('pgrep', ['-P', String(pid)], { encoding: 'utf8' });
  return stdout.split('\n').filter((line) => line !== '');
}

test.skipIf(chromiumProgram === undefined)('base and adapter answer side by side, and stop at once', async () => {
  await page.goto(`${origin}/#/try`);
  const prompt = page.getByRole('textbox', { name: 'Prompt', exact: true });
  const [base, adapted] = [
    page.getByRole('region', { name: /^Base|^Model/ }),
    page.getByRole('region', { name: 'With the adapter' }),
  ];
  await prompt.fill('What is a rose?');
  await page.getByLabel('Temperature').fill('0');
  await page.getByLabel('Longest answer').fill('24');
  await prompt.press('Control+Enter');
  await page
    .getByText(/tokens\/s/)
    .nth(1)
    .waitFor();
  const asked = ['--prompt', 'What is a rose?', '--max-new-tokens', '24'];
  expect((await base.innerText()).trim()).toBe(await commandLineSays('--model', starterModel, ...asked));
  expect((await adapted.innerText()).trim()).toBe(await commandLineSays('--model', 'run:latest', ...asked));
  expect(await adapted.locator('mark').count()).toBeGreaterThan(0);
  await inspect('try');

  // Another checkpoint, which the address keeps.
  await page.getByLabel('Checkpoint').selectOption({ label: 'Step 12' });
  expect(new URL(page.url()).hash).toMatch(/^#\/try\?run=[a-z-]+&step=12$/);
  await prompt.press('Control+Enter');
  await page
    .getByText(/tokens\/s/)
    .nth(1)
    .waitFor();
  expect((await adapted.innerText()).trim()).toBe(await commandLineSays('--model', 'run:latest@12', ...asked));

  // An answer without an end: at this temperature every token is as likely as any other.
  await page.getByLabel('Temperature').fill('100');
  await page.getByLabel('Top p').fill('1');
  await page.getByLabel('Longest answer').fill('100000');
  await prompt.press('Control+Enter');
  await expect
    .poll(async () => (await adapted.innerText()).length, { timeout: 20_000, interval: 10 })
    .toBeGreaterThan(20);
  await page.getByRole('button', { name: 'Stop' }).click();
  await page
    .getByText(/tokens · stopped/)
    .nth(1)
    .waitFor();
  const kept = await base.innerText();
  await page.waitForTimeout(300);
  expect(await base.innerText()).toBe(kept);

  // The model stays loaded for the next question, and no longer than the screen is open.
  const processes = (): number => childrenOf(server).length;
  expect(processes()).toBe(1);
  await page.getByLabel('Longest answer').fill('4');
  const answering = childrenOf(server);
  await prompt.press('Control+Enter');
  await page
    .getByText(/tokens\/s/)
    .nth(1)
    .waitFor();
  expect(childrenOf(server)).toEqual(answering);
  await page.getByRole('link', { name: 'Runs', exact: true }).click();
  await expect.poll(processes, patient).toBe(0);
  await page.goBack();

  // What was asked is kept; a model answers alone, too.
  await page.getByRole('button', { name: 'Last prompts' }).click();
  await page.getByRole('menuitem', { name: 'What is a rose?' }).click();
  await page.getByLabel('Who answers').click();
  await page.getByRole('option', { name: /Lorelei starter model/ }).click();
  await expect.poll(() => adapted.count(), patient).toBe(0);
  expect(complaints).toEqual([]);
});

test.skipIf(chromiumProgram === undefined)(
  'an adapter and a merged model are exported, and what to do with them is said',
  async () => {
    await page.goto(`${origin}/#/runs`);
    await page.getByRole('link', { name: 'Sailor talk' }).click();
    await page.getByRole('link', { name: 'Checkpoints and exports' }).click();
    await page.getByRole('link', { name: 'Export step 12', exact: true }).click();
    expect(await page.getByLabel('Checkpoint').inputValue()).toBe('12');
    await page.getByText(/Takes [\d.]+ [kM]B;\s+[\d.]+ .B are free there/).waitFor();

    // The adapter of step 12, where it is asked to go.
    const folder = join(at.folder, 'of step 12');
    await page.getByRole('textbox', { name: 'Folder' }).fill(folder);
    await page.keyboard.press('Enter');
    await page.getByText(`It goes to ${folder}`).waitFor();
    await page.getByRole('button', { name: 'Export', exact: true }).click();
    const done = page.getByRole('region', { name: 'Exported step 12' });
    await done.waitFor();
    const [run = ''] = readdirSync(join(at.home, 'runs'));
    const learned = readAdapter(join(at.home, 'runs', run, 'checkpoint-12')).tensors;
    expect(readAdapter(folder).tensors).toEqual(learned);
    const commands = (name: string): Promise<string> =>
      done.getByRole('region', { name: `Commands for ${name}` }).innerText();
    expect(await commands('PEFT')).toContain(`AutoPeftModelForCausalLM.from_pretrained("${folder}")`);
    expect(await commands('vLLM')).toBe(
      `vllm serve ${starterModel} --enable-lora --max-lora-rank 16 --lora-modules "of step 12=${folder}"`,
    );
    await page.getByRole('region', { name: 'Exports', exact: true }).getByText(folder).waitFor();
    await inspect('export');

    // The folder is taken now: nothing is replaced unasked.
    await page.getByRole('button', { name: 'Export', exact: true }).click();
    await page.getByText(/is not empty/).waitFor();
    await page.getByLabel('Replace an earlier export in this folder').check();
    await page.getByRole('button', { name: 'Export', exact: true }).click();
    await expect
      .poll(() => page.getByRole('region', { name: 'Exports', exact: true }).locator('tbody tr').count(), {
        timeout: 20_000,
      })
      .toBe(2);

    // Merged: it answers as base and adapter did.
    await page.getByRole('radio', { name: 'Merged model' }).check({ force: true });
    await page.getByLabel('Weights').selectOption('float32');
    await page.getByRole('textbox', { name: 'Folder' }).fill(join(at.folder, 'merged'));
    await page.keyboard.press('Enter');
    await page.getByText(`It goes to ${join(at.folder, 'merged')}`).waitFor();
    await page.getByRole('button', { name: 'Export', exact: true }).click();
    await done.getByText('convert_hf_to_gguf.py').waitFor();
    const asked = ['--prompt', 'What is a rose?', '--max-new-tokens', '24'];
    expect(await commandLineSays('--model', join(at.folder, 'merged'), ...asked)).toBe(
      await commandLineSays('--model', 'run:latest@12', ...asked),
    );
    expect(complaints).toEqual([]);
  },
);

test.skipIf(chromiumProgram === undefined)('the palette opens a run from anywhere, by keyboard alone', async () => {
  await page.goto(`${origin}/#/settings`);
  await page.getByRole('heading').first().waitFor();
  await page.keyboard.press('Control+k');
  const palette = page.getByRole('dialog', { name: 'Command palette' });
  await palette.getByText('Compare').waitFor();
  await inspect('palette');
  await palette.locator('input:focus').waitFor();
  await page.keyboard.type('sailor');
  await expect.poll(() => palette.getByRole('option').count(), patient).toBe(1);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Sailor talk' }).waitFor();
  await expect.poll(() => palette.count(), patient).toBe(0);

  // An action, and the keys.
  await page.keyboard.press('Control+k');
  await palette.locator('input:focus').waitFor();
  await page.keyboard.type('dark theme');
  await page.keyboard.press('Enter');
  await expect.poll(() => page.evaluate(() => document.documentElement.dataset['theme']), patient).toBe('dark');
  await expect.poll(() => palette.count(), patient).toBe(0);
  await page.keyboard.press('?');
  await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
  await inspect('keys');
  await page.keyboard.press('Escape');
  await expect.poll(() => page.getByRole('dialog').count(), patient).toBe(0);
  expect(complaints).toEqual([]);
});
