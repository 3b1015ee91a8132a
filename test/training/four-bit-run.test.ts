// Whole runs on a base model in 4 bits: what they tell, what they keep, and that nothing of another base gets in.
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readAdapter } from '../../main/checkpoints/adapter.ts';
import { Generator } from '../../main/generation/generator.ts';
import { runJob, starterModel } from '../support/run-job.ts';
import { tempFolder } from '../support/temp-folder.ts';

const scratch = tempFolder().path;
let folders = 0;
const fresh = (): string => join(scratch, String(++folders));
const nf4 = { type: 'nf4', nested: false } as const;

test('a run rounds once, says so, learns, and its samples are what the adapter answers on the rounded base', async () => {
  const folder = fresh();
  const prompt = [{ role: 'user' as const, content: 'Who are you?' }];
  const settings = {
    load_in_4bit: true,
    lora_target_modules: 'all-linear',
    lora_dropout: 0,
    learning_rate: 0.01,
    max_steps: 12,
    sample_prompts: [prompt],
    sample_max_new_tokens: 16,
  };
  const run = await runJob('sft', settings, { folder });
  const phases = (one: typeof run): Set<string> => new Set(one.of('progress').map(({ phase }) => phase));
  expect(phases(run)).toContain('Rounding the model to 4 bits');
  expect(run.events.join('\n')).toContain('The base model is in 4 bits: NF4 in blocks of 64');
  const mean = (losses: number[]): number => losses.reduce((a, b) => a + b, 0) / losses.length;
  expect(mean(run.losses.slice(-4))).toBeLessThan(0.9 * mean(run.losses.slice(0, 4)));
  expect(run.card()).toContain('load_in_4bit');

  // The adapter is an ordinary one, for the model as it is on the Hub.
  const { config } = readAdapter(join(folder, 'adapter'));
  expect(config).toMatchObject({ base_model_name_or_path: starterModel, r: 4 });
  const answer = async (rounded: boolean): Promise<string> => {
    const base = { settings: nf4, cacheDir: join(folder, 'cache') };
    const generator = await Generator.open({
      modelPath: starterModel,
      adapterPath: join(folder, 'adapter'),
      ...(rounded ? { rounded: base } : {}),
    });
    let text = '';
    const asked = { prompt, maxNewTokens: 16, temperature: 0, topP: 1, seed: 1 };
    for await (const piece of generator.generate(asked)) text += piece;
    await generator.dispose();
    return text;
  };
  expect(await answer(true)).toBe(run.of('sample').at(-1)?.text);

  const again = await runJob('sft', settings, { folder });
  expect(phases(again)).not.toContain('Rounding the model to 4 bits');
  expect(again.losses).toEqual(run.losses);
  expect(again.adapter().equals(run.adapter())).toBe(true);

  // The starter model has 0.98 million weights in float32; 0.59 million of them are in linear layers.
  const [made = ''] = readdirSync(join(folder, 'cache', '4bit'));
  const size = (path: string): number => statSync(join(path, 'model.safetensors')).size;
  expect(size(join(folder, 'cache', '4bit', made)) / size(starterModel)).toBeLessThan(0.6);
});

test('damaged weights in the cache are told and made again, and the run is the same', async () => {
  const folder = fresh();
  const settings = { load_in_4bit: true, use_int4_blocks: true, max_steps: 2 };
  const run = await runJob('sft', settings, { folder });
  const [made = ''] = readdirSync(join(folder, 'cache', '4bit'));
  const file = join(folder, 'cache', '4bit', made, 'model.safetensors');
  const bytes = readFileSync(file);
  bytes[bytes.length - 5] = (bytes[bytes.length - 5] ?? 0) ^ 1;
  writeFileSync(file, bytes);
  const mended = await runJob('sft', settings, { folder });
  expect(mended.events.join('\n')).toContain('were damaged; they are made again');
  expect(mended.losses).toEqual(run.losses);
});

test('the log-probabilities of a reference are those of the base that is trained on', async () => {
  const folder = fresh();
  const settings = { max_steps: 1, lora_dropout: 0, disable_dropout: true, logging_steps: 1 };
  const marginAtStart = async (more: Record<string, unknown>): Promise<number> => {
    const { logs } = await runJob('dpo', { ...settings, ...more }, { folder });
    return logs[0]?.['rewards/margins'] ?? Number.NaN;
  };
  // The cache of one must not serve the other: policy and reference are the same model before the first step.
  expect(Math.abs(await marginAtStart({}))).toBeLessThan(1e-5);
  expect(Math.abs(await marginAtStart({ load_in_4bit: true }))).toBeLessThan(1e-5);
  expect(Math.abs(await marginAtStart({ load_in_4bit: true, bnb_4bit_quant_type: 'fp4' }))).toBeLessThan(1e-5);
});

test('an adapter that was trained on a rounded base continues on it, or on the base as it is', async () => {
  const folder = fresh();
  const first = await runJob('sft', { load_in_4bit: true, max_steps: 4 }, { folder });
  const adapter_name_or_path = join(folder, 'adapter');
  const evaluated = {
    adapter_name_or_path,
    max_steps: 1,
    test_split_size: 8,
    eval_strategy: 'steps',
    eval_on_start: true,
  };
  const lossAtStart = async (more: Record<string, unknown>): Promise<number> => {
    const run = await runJob('sft', { ...evaluated, ...more }, { folder: fresh() });
    expect(existsSync(join(folder, 'adapter', 'adapter_config.json'))).toBe(true);
    return run.of('evaluation')[0]?.metrics.eval_loss ?? Number.NaN;
  };
  const [rounded, plain] = [await lossAtStart({ load_in_4bit: true }), await lossAtStart({})];
  expect(first.end.status).toBe('completed');
  expect(rounded).not.toBe(plain);
  // Rounding costs this little model some hundredths of a nat.
  expect(Math.abs(rounded - plain)).toBeLessThan(0.3);
});

test('a run that is stopped while it rounds stops there, and leaves nothing in the cache', async () => {
  const folder = fresh();
  const leaving = new AbortController();
  const phases: string[] = [];
  const run = runJob(
    'sft',
    { load_in_4bit: true },
    {
      folder,
      leaving,
      onRecord: (record) => {
        if (record.type !== 'progress') return;
        phases.push(record.phase);
        if (record.phase === 'Rounding the model to 4 bits') leaving.abort(new Error('stopped'));
      },
    },
  );
  await expect(run).rejects.toThrow('stopped');
  expect(phases).toEqual(['Opening the model', 'Rounding the model to 4 bits']);
  expect(readdirSync(join(folder, 'cache', '4bit'))).toEqual([]);
});
