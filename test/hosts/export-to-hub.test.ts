// lorelei export --push-to-hub, as a process that uploads to a Hub on this machine.
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { parse } from 'yaml';
import { inHome, writeExportableRun } from '../support/exportable-run.ts';
import { hubStub, type HubStub } from '../support/hub-stub.ts';
import { startLorelei, type Started } from '../support/lorelei-process.ts';
import { tempFolder } from '../support/temp-folder.ts';

const folder = tempFolder().path;
const home = join(folder, 'home');
const token = 'hf_ada_TokenOfTheRiver';
let hub: HubStub;

beforeAll(() => writeExportableRun(folder));
afterAll(() => rmSync(home, { recursive: true }));

beforeEach(async () => {
  hub = await hubStub([]);
  hub.writes.accounts[token] = { name: 'ada', role: 'write' };
  vi.stubEnv('HF_ENDPOINT', hub.url);
  vi.stubEnv('HF_TOKEN', token);
  vi.stubEnv('LORELEI_KEYCHAIN', 'off');
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await hub.close();
});

const start = (...words: string[]): Started =>
  startLorelei('fake-lorelei.ts', ['export', 'calm-otter', ...words], { folder, home });

const exportedTo = (): string[] =>
  inHome(folder, ({ history }) => history.exports.list('calm-otter').map(({ path }) => path));
const uploads = join(home, 'cache/uploads');
const leftInCache = (): string[] => (existsSync(uploads) ? readdirSync(uploads) : []);

test('uploads to a new private repository what others can load, and tells nothing of this machine', async () => {
  const { code, stdout, stderr } = await start('--push_to_hub', 'otter', '--commit-message', 'First try').ended;
  expect([code, stderr]).toEqual([0, expect.stringContaining('Warning: The base model is a folder of this machine')]);
  expect(stderr).not.toContain(folder);
  const url = `${hub.url}/ada/otter`;
  expect(stdout).toBe(`Uploaded calm-otter at step 4 to ${url} (private, a new repository)\n`);
  expect(hub.writes.commits).toMatchObject([{ repo: 'ada/otter', title: 'First try' }]);
  const files = hub.repos[0]?.files ?? {};
  expect(Object.keys(files).sort()).toEqual([
    '.gitattributes',
    'README.md',
    'adapter_config.json',
    'adapter_model.safetensors',
    'tokenizer.json',
    'tokenizer_config.json',
  ]);
  for (const [name, bytes] of Object.entries(files)) expect(bytes.toString('latin1'), name).not.toContain(folder);
  const card = String(files['README.md']);
  expect(parse(card.split('---\n')[1] ?? '')).toEqual({
    library_name: 'peft',
    license: 'apache-2.0',
    pipeline_tag: 'text-generation',
    tags: ['lora', 'transformers', 'sft'],
  });
  expect(card).toContain('model = PeftModel.from_pretrained(model, "ada/otter")');
  expect(card).toContain('# otter\n');
  expect(exportedTo()).toEqual([url]);
  expect(leftInCache()).toEqual([]);
  // The token went to the Hub, and into no file.
  for (const entry of readdirSync(home, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    expect(readFileSync(path).includes(token), path).toBe(false);
  }
});

test('with a folder, too, it keeps what it uploads', async () => {
  const out = join(folder, 'out');
  const { stdout } = await start('--output-dir', out, '--push-to-hub', 'ada/kept', '--public').ended;
  expect(stdout.split('\n').slice(0, 2)).toEqual([
    `Exported calm-otter at step 4 to ${out}`,
    `Uploaded calm-otter at step 4 to ${hub.url}/ada/kept (public, a new repository)`,
  ]);
  // On this machine the path of the base model is of use.
  expect(readFileSync(join(out, 'adapter_config.json'), 'utf8')).toContain(folder);
  expect(exportedTo().slice(-2)).toEqual([out, `${hub.url}/ada/kept`]);
});

test('Ctrl-C ends an upload: no commit, no note, no files', async () => {
  hub.writes.pauseMs = 60_000;
  const before = exportedTo();
  const { child, ended } = start('--push-to-hub', 'ada/otter');
  await expect
    .poll(() => hub.requests.some((request) => request.startsWith('PUT')), { timeout: 20_000, interval: 20 })
    .toBe(true);
  child.kill('SIGINT');
  const { code, stderr } = await ended;
  expect([code, stderr]).toEqual([2, expect.stringContaining('ada/otter on the Hub holds what it held before')]);
  expect(hub.writes.commits).toEqual([]);
  expect(exportedTo()).toEqual(before);
  expect(leftInCache()).toEqual([]);
});

test.each([
  [['--push-to-hub', 'ada/otter', '--public', '--private'], "'--private' cannot be used with option '--public'"],
  [[], 'neither --output-dir nor --push-to-hub'],
])('%j is no export', async (words, problem) => {
  const { code, stderr } = await start(...words).ended;
  expect([code, stderr]).toEqual([2, expect.stringContaining(problem)]);
  expect(hub.repos).toEqual([]);
});

test('without a token it says where to make one', async () => {
  vi.stubEnv('HF_TOKEN', '');
  const { code, stderr } = await start('--push-to-hub', 'ada/otter').ended;
  expect([code, stderr]).toEqual([2, expect.stringContaining('lorelei secrets set HF_TOKEN')]);
});
