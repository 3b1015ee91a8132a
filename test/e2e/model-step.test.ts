// Choosing a model in the window that `lorelei serve` shows: the starter model, and one that comes from a Hub on this
// machine, over a download that is paused, outlives a reload, and ends in the Hugging Face cache.
import { spawn, type ChildProcess } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openHistory } from '../../main/store/history.ts';
import { chromiumProgram, openChromium, type Chromium } from '../support/chromium.ts';
import { goldensFolder } from '../support/goldens.ts';
import { hubStub, stubCommit, type HubStub } from '../support/hub-stub.ts';
import { axeProblems, watchComplaints } from '../support/window-scenario.ts';

const starter = resolve('resources/starter-model');
const files = Object.fromEntries(readdirSync(starter).map((name) => [name, readFileSync(join(starter, name))]));
const llama = { tags: ['safetensors', 'llama'], config: { model_type: 'llama' } };

let folder: string;
let hub: HubStub;
let server: ChildProcess;
let link: string;
let chromium: Chromium;

beforeAll(async () => {
  if (chromiumProgram === undefined) return;
  folder = mkdtempSync(join(tmpdir(), 'lorelei-model-'));
  cpSync(starter, join(folder, 'models/mine'), { recursive: true });
  seedRun();
  hub = await hubStub([
    { id: 'river/otter-2M', downloads: 1200, files, ...llama },
    { id: 'river/pike', downloads: 90, files, tags: ['safetensors', 'gpt_neox'], config: { model_type: 'gpt_neox' } },
    {
      id: 'river/trout-GGUF',
      tags: ['gguf'],
      gguf: { architecture: 'olmo2', total: 48_000, context_length: 512, chat_template: '{{ messages }}' },
      files: {
        'trout-Q8_0.gguf': readFileSync(join(goldensFolder, 'gguf/olmo2.gguf')),
        'trout-Q4_K_M.gguf': readFileSync(join(goldensFolder, 'gguf/mistral3.gguf')),
        'trout-IQ2_XS.gguf': Buffer.from('GGUF'),
      },
    },
    { id: 'river/secret', downloads: 500, files, gated: 'needs-token', ...llama },
  ]);
  server = spawn(process.execPath, ['out/main/cli.js', 'serve', '--port', '0'], {
    env: {
      ...process.env,
      LORELEI_HOME: join(folder, 'home'),
      HF_ENDPOINT: hub.url,
      HF_HUB_CACHE: join(folder, 'hub'),
      HF_TOKEN: '',
      LORELEI_KEYCHAIN: 'off',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const { stdout } = server;
  if (!stdout) throw new Error('no output to read');
  link = await new Promise((found) =>
    createInterface(stdout).on('line', (line) => {
      const [first] = /http:\S+/.exec(line) ?? [];
      if (first !== undefined) found(first);
    }),
  );
  chromium = await openChromium();
});

afterAll(async () => {
  if (chromiumProgram === undefined) return;
  await chromium.close();
  server.kill();
  await hub.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A finished run on a copy of a golden model, with its adapter. */
function seedRun(): void {
  const base = join(folder, 'models/base');
  cpSync(join(goldensFolder, 'llama-bf16-sharded'), base, { recursive: true });
  cpSync(join(starter, 'tokenizer.json'), join(base, 'tokenizer.json'));
  mkdirSync(join(folder, 'home'));
  const history = openHistory(join(folder, 'home/lorelei.db'), resolve('resources/migrations'));
  const recipe = { model_name_or_path: base };
  const outputDir = join(base, 'adapter');
  const createdAt = Date.now() - 3_600_000;
  history.runs.insert({
    id: 'calm-otter',
    method: 'sft',
    name: undefined,
    recipe,
    outputDir,
    createdAt,
    host: undefined,
  });
  history.runs.update('calm-otter', { status: 'completed', lastStep: 12, endedAt: createdAt + 60_000 });
  history.close();
}

const draft = (): Record<string, unknown> =>
  (JSON.parse(readFileSync(join(folder, 'home/draft.json'), 'utf8')) as { values: Record<string, unknown> }).values;

/** Accessible, not wider than the smallest window, and a picture of it to look at. */
async function inspect(page: Page, name: string): Promise<void> {
  mkdirSync('test-output/screenshots', { recursive: true });
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    expect(await axeProblems(page), `${name}, ${colorScheme}`).toEqual([]);
    await page.screenshot({ path: `test-output/screenshots/model-${name}-${colorScheme}.png` });
  }
  const overflow = await page.evaluate(() => {
    const main = document.querySelector('main');
    return main === null ? 0 : main.scrollWidth - main.clientWidth;
  });
  expect(overflow, name).toBe(0);
}

test.skipIf(chromiumProgram === undefined)('a person chooses a model', async () => {
  const page = await chromium.context.newPage();
  const complaints = watchComplaints(page);
  await page.setViewportSize({ width: 1024, height: 700 });
  await page.goto(link);
  await page.goto(`${new URL(link).origin}/#/new/model`);

  // The starter model.
  const aside = page.getByRole('complementary');
  await page.getByRole('radio', { name: /Lorelei starter model/ }).check();
  await aside.getByText('Can be trained here').waitFor();
  expect(await aside.innerText()).toMatch(/Architecture\s+llama/);
  await expect.poll(() => draft(), { timeout: 5000 }).toEqual({ model_name_or_path: starter });
  await inspect(page, 'local');

  // A GGUF file: what it is, and that it will be converted.
  await page.getByLabel('A GGUF file').fill(join(goldensFolder, 'gguf', 'llama.gguf'));
  await page.keyboard.press('Enter');
  await aside.getByRole('heading', { name: 'llama.gguf' }).waitFor();
  await aside.getByText('When a run first needs it, it is turned into what can be trained').waitFor();
  expect(await aside.innerText()).toMatch(/Weights in the file\s+Q8_0/);

  // A folder that is none.
  await page.getByLabel('Another folder').fill(join(folder, 'nowhere'));
  await page.keyboard.press('Enter');
  await page.getByText(/nowhere does not exist/).waitFor();

  // A folder that is looked for.
  await page.getByRole('button', { name: 'Browse' }).first().click();
  const dialog = page.getByRole('dialog', { name: 'Choose a folder' });
  await dialog.getByLabel('Folder', { exact: true }).first().fill(folder);
  await page.keyboard.press('Enter');
  await dialog.getByRole('button', { name: 'models' }).click();
  await dialog.getByRole('button', { name: /mine/ }).waitFor();
  await inspect(page, 'browse');
  await dialog.getByRole('button', { name: /mine/ }).click();
  await expect.poll(() => dialog.locator('input').inputValue()).toBe(join(folder, 'models/mine'));
  await dialog.getByRole('button', { name: 'Choose this folder' }).click();
  await aside.getByRole('heading', { name: 'mine' }).waitFor();
  await expect.poll(() => draft(), { timeout: 5000 }).toEqual({ model_name_or_path: join(folder, 'models/mine') });

  // A run: its adapter merged into the model below a new one, or trained further.
  const models = join(folder, 'models');
  await page.getByRole('radio', { name: /calm-otter/ }).check();
  await expect.poll(() => draft(), { timeout: 5000 }).toEqual({ model_name_or_path: 'run:calm-otter' });
  await inspect(page, 'run');
  await aside.getByRole('radio', { name: 'Same adapter' }).check({ force: true });
  const further = { model_name_or_path: join(models, 'base'), adapter_name_or_path: 'run:calm-otter' };
  await expect.poll(() => draft(), { timeout: 5000 }).toEqual(further);
  await page.reload();
  await page.getByRole('radio', { name: /calm-otter/, checked: true }).waitFor();
  await aside.getByRole('radio', { name: 'Same adapter', checked: true }).waitFor();

  // The Hub: what can be trained, what is gated, what cannot.
  await page.getByRole('radio', { name: 'Hugging Face Hub' }).check({ force: true });
  const results = page.getByRole('list', { name: 'Models on the Hub' }).getByRole('button');
  await results.first().waitFor();
  expect(await results.locator('.name').allInnerTexts()).toEqual(['river/otter-2M', 'river/secret']);
  await results.filter({ hasText: 'river/secret' }).click();
  await aside.getByText(/river\/secret is gated/).waitFor();
  expect(await aside.getByRole('link', { name: 'Its conditions' }).getAttribute('href')).toBe(
    `${hub.url}/river/secret`,
  );
  await inspect(page, 'gated');
  await page.getByRole('switch').uncheck();
  await results.filter({ hasText: 'river/pike' }).waitFor();
  expect(await results.filter({ hasText: 'river/pike' }).innerText()).toContain('gpt_neox is not supported');

  // Downloaded, paused, still there after a reload, resumed, arrived.
  await page.getByRole('searchbox').fill('otter');
  await expect.poll(() => results.count(), { timeout: 10_000 }).toBe(1);
  await results.click();
  hub.line.pauseMs = 40;
  await aside.getByRole('button', { name: /^Download 4(\.\d)? MB$/ }).click();
  const downloads = page.getByRole('region', { name: 'Downloads' });
  await downloads.getByText(/ of 4(\.\d)? MB · .*\/s/).waitFor();
  await inspect(page, 'downloading');
  await downloads.getByRole('button', { name: 'Pause river/otter-2M' }).click();
  await downloads.getByText(/paused/).waitFor();
  await page.reload();
  await downloads.getByText(/paused/).waitFor();
  hub.line.pauseMs = undefined;
  await downloads.getByRole('button', { name: 'Resume river/otter-2M' }).click();
  await downloads.getByText(/every file checked/).waitFor();
  await aside.getByRole('button', { name: 'Use this model' }).click();
  await page.getByRole('radio', { name: /river\/otter-2M/, checked: true }).waitFor();
  const snapshot = join(folder, 'hub/models--river--otter-2M/snapshots', stubCommit);
  await expect.poll(() => draft(), { timeout: 5000 }).toEqual({ model_name_or_path: snapshot });
  expect(readFileSync(join(snapshot, 'model.safetensors'))).toEqual(files['model.safetensors']);
  expect(hub.requests.filter((request) => /^GET .blobs.* bytes=[1-9]/.test(request))).toHaveLength(1);
  await inspect(page, 'arrived');

  // GGUF files: the best is offered, another can be taken, and it is chosen when it has arrived.
  await page.getByRole('radio', { name: 'Hugging Face Hub' }).check({ force: true });
  await page.getByRole('radio', { name: 'GGUF' }).check({ force: true });
  await results.filter({ hasText: 'river/trout-GGUF' }).click();
  const choice = aside.getByLabel('GGUF file');
  await choice.waitFor();
  expect(await choice.inputValue()).toBe('trout-Q8_0.gguf');
  expect((await choice.locator('option').allInnerTexts()).map((text) => text.trim())).toEqual([
    'Q8_0 · 53 kB',
    'Q4_K_M · 42 kB',
    'IQ2_XS · 4 B · IQ2_XS cannot be read',
  ]);
  await inspect(page, 'gguf');
  await choice.selectOption('trout-Q4_K_M.gguf');
  await aside.getByRole('button', { name: 'Download 42 kB' }).click();
  await aside.getByRole('heading', { name: 'trout-Q4_K_M.gguf' }).waitFor();
  await aside.getByText('Can be trained here').waitFor();
  const gguf = join(folder, 'hub/models--river--trout-GGUF/snapshots', stubCommit, 'trout-Q4_K_M.gguf');
  await expect.poll(() => draft(), { timeout: 5000 }).toEqual({ model_name_or_path: gguf });
  await page.getByRole('radio', { name: /trout-Q4_K_M\.gguf/, checked: true }).waitFor();
  await inspect(page, 'gguf-arrived');
  expect(complaints).toEqual([]);
});
