// Models and adapters that the command line is given by their names on the Hub: brought into the Hugging Face cache,
// gone on with after a cut, used from there without asking again.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { writeAdapter } from '../../main/checkpoints/adapter.ts';
import { goldensFolder } from '../support/goldens.ts';
import { hubStub, type HubStub, type StubRepo } from '../support/hub-stub.ts';
import { startLorelei, type Outcome, type Started } from '../support/lorelei-process.ts';
import { starterModel } from '../support/run-job.ts';
import { tempFolder } from '../support/temp-folder.ts';

const scratch = tempFolder();
let folder: string;
let hub: HubStub;
let count = 0;

const filesIn = (path: string): Record<string, Buffer> =>
  Object.fromEntries(
    readdirSync(path, { withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ name }) => [name, readFileSync(join(path, name))]),
  );
const model: StubRepo = { id: 'river/starter', config: { model_type: 'llama' }, files: filesIn(starterModel) };
const odd: StubRepo = {
  ...model,
  id: 'river/odd',
  files: { ...model.files, 'config.json': Buffer.from('{"model_type":"gpt_neox"}') },
};
/** Of the starter model, and strong enough to change its answers. */
function writeStrongAdapter(path: string): string {
  const text = readFileSync(join(starterModel, 'config.json'), 'utf8');
  const { hidden_size: size, num_hidden_layers: layers } = JSON.parse(text) as Record<string, number>;
  const filled = (shape: number[]) => ({
    shape,
    data: Float32Array.from({ length: (shape[0] ?? 0) * (shape[1] ?? 0) }, (_, i) => 2 * Math.sin(i)),
  });
  const tensors = Array.from({ length: layers ?? 0 }, (_, layer) => {
    const name = `base_model.model.model.layers.${layer}.self_attn.o_proj.lora_`;
    return [
      [`${name}A.weight`, filled([1, size ?? 0])],
      [`${name}B.weight`, filled([size ?? 0, 1])],
    ] as const;
  }).flat();
  const config = { r: 1, lora_alpha: 1, lora_dropout: 0, target_modules: ['o_proj'], use_rslora: false };
  const origin = { base_model_name_or_path: 'river/starter', revision: null };
  writeAdapter(path, { config: { ...config, ...origin }, tensors: new Map(tensors), card: new Map() });
  return path;
}

beforeEach(async () => {
  folder = join(scratch.path, String(count++));
  mkdirSync(folder);
  hub = await hubStub([model, odd]);
  vi.stubEnv('HF_ENDPOINT', hub.url);
  vi.stubEnv('HF_HUB_CACHE', join(folder, 'hub'));
  vi.stubEnv('HF_TOKEN', '');
  vi.stubEnv('LORELEI_KEYCHAIN', 'off');
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await hub.close();
});

const start = (...words: string[]): Started =>
  startLorelei('fake-lorelei.ts', words, { folder, home: join(folder, 'home') });
const lorelei = (...words: string[]): Promise<Outcome> => start(...words).ended;
const generate = (name: string, ...more: string[]): Promise<Outcome> =>
  lorelei('generate', '--model', name, '--prompt', 'What is a rose?', '--max-new-tokens', '8', ...more);

test('generate takes a model by its name, and asks the Hub once', async () => {
  const first = await generate('river/starter');
  expect(first.stderr).toMatch(/^Downloaded river\/starter \([\d.]+ MB\) into the Hugging Face cache\.\n$/);
  const asked = hub.requests.length;
  const [again, local] = await Promise.all([generate('river/starter'), generate(starterModel)]);
  expect([first.stdout, again.stdout]).toEqual([local.stdout, local.stdout]);
  expect([again.stderr, hub.requests.length]).toEqual(['', asked]);

  // A folder of that name goes before it.
  cpSync(starterModel, join(folder, 'river/nearer'), { recursive: true });
  expect((await generate('river/nearer')).stdout).toBe(local.stdout);
  expect(hub.requests.length).toBe(asked);
});

test('generate takes an adapter by its name, too', async () => {
  const path = writeStrongAdapter(join(folder, 'adapter'));
  hub.repos.push({ id: 'river/adapter', files: filesIn(path) });
  const [named, local, bare, confused] = await Promise.all([
    generate('river/starter', '--adapter', 'river/adapter'),
    generate(starterModel, '--adapter', path),
    generate(starterModel),
    generate('river/adapter'),
  ]);
  expect([named.code, named.stdout]).toEqual([0, local.stdout]);
  expect(local.stdout).not.toBe(bare.stdout);
  expect(confused.stderr).toContain('It is an adapter');
});

test('of a repository of GGUF files one is taken, the best or the one that is named', async () => {
  const golden = (name: string): Buffer => readFileSync(join(goldensFolder, 'gguf', name));
  hub.repos.push({
    id: 'river/tiny-GGUF',
    gguf: { architecture: 'olmo2' },
    files: { 'tiny-Q4_0.gguf': golden('mistral3.gguf'), 'tiny-Q8_0.gguf': golden('olmo2.gguf') },
  });
  // One after the other: without a choice, what is in the cache is taken.
  const best = await generate('river/tiny-GGUF');
  const named = await generate('river/tiny-GGUF:Q4_0');
  const wrong = await generate('river/tiny-GGUF:Q2_K');
  const local = await Promise.all(
    ['olmo2', 'mistral3'].map((name) => generate(join(goldensFolder, 'gguf', `${name}.gguf`))),
  );
  expect([best.stdout, named.stdout]).toEqual(local.map(({ stdout }) => stdout));
  expect(best.stdout).not.toBe(named.stdout);
  expect(named.stderr).toMatch(/Downloaded river\/tiny-GGUF:Q4_0 \(42 kB\)/);
  expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringMatching(/no GGUF file Q2_K.*It has Q8_0, Q4_0/s)]);
  const asked = hub.requests.length;
  expect((await generate('river/tiny-GGUF:Q4_0')).stdout).toBe(named.stdout);
  expect(hub.requests).toHaveLength(asked);
});

test('a recipe trains on a model of the Hub; what is stopped is gone on with', async () => {
  writeFileSync(join(folder, 'data.jsonl'), '{"text":"x"}\n');
  const keys = ['--model_name_or_path', 'river/starter', '--use_peft', '--max_steps', '2', '--dataset_name'];
  // What is wrong with the rest is said before anything large is fetched.
  expect((await lorelei('sft', ...keys, 'nope.jsonl')).stderr).toContain('nope.jsonl');
  expect(hub.requests).toEqual([]);

  hub.line.pauseMs = 50;
  const stopped = start('sft', ...keys, 'data.jsonl');
  const blobs = join(folder, 'hub/models--river--starter/blobs');
  await expect
    .poll(() => existsSync(blobs) && readdirSync(blobs).some((name) => name.endsWith('.incomplete')), {
      timeout: 20_000,
      interval: 20,
    })
    .toBe(true);
  await new Promise((resolve) => setTimeout(resolve, 300));
  stopped.child.kill('SIGINT');
  const { code, stderr } = await stopped.ended;
  expect([code, stderr]).toEqual([2, expect.stringContaining('it goes on with what came')]);

  hub.line.pauseMs = undefined;
  hub.requests.length = 0;
  const done = await lorelei('sft', ...keys, 'data.jsonl');
  expect(done.code, done.stderr).toBe(0);
  expect(hub.requests.some((request) => /bytes=[1-9]\d*-/.test(request))).toBe(true);
  const previewed = await lorelei('preview', ...keys, 'data.jsonl', '--json');
  expect([previewed.code, previewed.stderr]).toEqual([0, '']);
});

test('what cannot be used is said before it is fetched', async () => {
  const [unsupported, missing] = await Promise.all([generate('river/odd'), generate('river/nothing')]);
  expect([unsupported.code, unsupported.stderr]).toEqual([2, expect.stringContaining('gpt_neox')]);
  expect(missing.stderr).toContain(`There is no folder ${join(folder, 'river/nothing')}. There is no model`);
  expect(hub.requests.filter((request) => request.includes('/blobs/'))).toEqual([]);
});
