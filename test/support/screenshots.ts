// Pictures of every screen in both themes, for the README: trains the starter model three times in a home of its own,
// then looks at the screens in a browser. `npm run screenshots`; an argument names the folder to write to.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Page } from 'playwright-core';
import { resourcePath } from '../../main/app/resources.ts';
import { openChromium } from './chromium.ts';
import { startServe } from './serve-process.ts';

const target = resolve(process.argv[2] ?? 'docs/screenshots');
const home = mkdtempSync(join(tmpdir(), 'lorelei-screenshots-'));
const model = resourcePath('starter-model');
const data = (name: string): string => resourcePath('sample-data', name);

function lorelei(...words: string[]): string {
  const child = spawnSync(process.execPath, ['out/main/cli.js', ...words], {
    env: { ...process.env, LORELEI_HOME: home },
    encoding: 'utf8',
  });
  if (child.status !== 0) throw new Error(child.stderr);
  return child.stdout;
}

function train(method: string, rows: string, ...keys: string[]): string {
  lorelei(method, '--preset', 'quick-try', '--model_name_or_path', model, '--dataset_name', data(rows), ...keys);
  return (JSON.parse(lorelei('runs', '--json').split('\n')[0] ?? '') as { id: string }).id;
}

const evaluated = [
  '--test_split_size',
  '0.1',
  '--eval_strategy',
  'steps',
  '--eval_steps',
  '5',
  '--save_strategy',
  'steps',
  '--save_steps',
  '20',
];
const samples = ['--sample_prompts', '["Who are you?", "What is the opposite of tall?"]', '--sample_steps', '20'];

type Shot = { name: string; address: string; ready: string; before?: (page: Page) => Promise<void> };

const settled = 1200;

try {
  const first = train('sft', 'sft.jsonl', '--max_steps', '80', '--learning_rate', '1e-3', ...evaluated, ...samples);
  const second = train(
    'sft',
    'sft.jsonl',
    '--max_steps',
    '80',
    '--learning_rate',
    '4e-4',
    '--lora_r',
    '16',
    ...evaluated,
  );
  const preferences = train('dpo', 'dpo.jsonl', '--max_steps', '60', '--learning_rate', '5e-4', ...evaluated);
  const values = { model_name_or_path: model, dataset_name: data('sft.jsonl') };
  writeFileSync(join(home, 'draft.json'), JSON.stringify({ method: 'sft', preset: 'balanced', values }));

  const shots: Shot[] = [
    { name: 'runs', address: '#/runs', ready: first },
    { name: 'run', address: `#/runs/${first}`, ready: 'Evaluation' },
    { name: 'run-dpo', address: `#/runs/${preferences}`, ready: 'Evaluation' },
    { name: 'new-model', address: '#/new/model', ready: 'Can be trained here' },
    { name: 'new-data', address: '#/new/data', ready: 'What the model learns' },
    { name: 'new-settings', address: '#/new/settings', ready: 'It fits' },
    { name: 'new-review', address: '#/new/review', ready: 'Start training' },
    { name: 'compare', address: `#/compare?runs=${first},${second}`, ready: second },
    {
      name: 'try',
      address: `#/try?run=${first}`,
      ready: 'Ask something',
      async before(page) {
        await page.getByPlaceholder('Ask something').fill('Who are you?');
        await page.getByRole('button', { name: 'Answer' }).click();
        await page.waitForTimeout(6000);
      },
    },
    { name: 'export', address: `#/export/${first}`, ready: 'Export' },
    { name: 'settings', address: '#/settings', ready: 'Storage' },
  ];

  mkdirSync(target, { recursive: true });
  const served = await startServe(home, { LORELEI_KEYCHAIN: 'off' });
  const browser = await openChromium();
  const page = await browser.context.newPage();
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.goto(served.link());
  for (const { name, address, ready, before } of shots) {
    await page.goto(new URL(`/${address}`, page.url()).href);
    await page.getByText(ready).or(page.getByPlaceholder(ready)).first().waitFor();
    await before?.(page);
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      await page.waitForTimeout(settled);
      await page.screenshot({ path: join(target, `${name}-${colorScheme}.png`) });
    }
    console.log(name);
  }
  await browser.close();
  await served.stop();
} finally {
  rmSync(home, { recursive: true, force: true });
}
