// The main job from the built command line, nothing replaced: a real checkpoint, a real dataset, real job processes.
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { jsonRows, startLorelei, type Outcome, type Started } from '../support/lorelei-process.ts';
import { sharedData } from '../support/shared-data.ts';

describe.skipIf(sharedData === undefined)('lorelei sft on a real checkpoint', () => {
  const model = join(sharedData ?? '', 'models/stories260K-hf');
  let folder: string;
  let home: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'lorelei-sft-'));
    home = join(folder, 'home');
    const all = readFileSync(join(sharedData ?? '', 'datasets/mlx-lora/test.jsonl'), 'utf8');
    writeFileSync(join(folder, 'data.jsonl'), all.split('\n').slice(0, 24).join('\n'));
    writeFileSync(
      join(folder, 'run.yaml'),
      [
        `model_name_or_path: ${model}`,
        'dataset_name: data.jsonl',
        'use_peft: true',
        'lora_r: 4',
        'lora_target_modules: all-linear',
        'learning_rate: 1e-3',
        'max_length: 64',
        'max_steps: 12',
        'per_device_train_batch_size: 2',
        'test_split_size: 4',
        'eval_strategy: steps',
        'eval_steps: 6',
        'logging_steps: 1',
        'save_steps: 2',
        'save_total_limit: 2',
      ].join('\n'),
    );
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  const start = (...words: string[]): Started => startLorelei('../../out/main/cli.js', words, { folder, home });
  const lorelei = (...words: string[]): Promise<Outcome> => start(...words).ended;
  /** What was logged of each step, without what its process needed. */
  const steps = (outcome: Outcome): Record<string, unknown>[] =>
    jsonRows(outcome)
      .filter((row) => row.loss !== undefined && row.event === undefined)
      .map(({ process_memory_peak_megabytes, ...row }) => row);

  let whole: Outcome;
  test('a YAML becomes rows of metrics and an adapter with all that belongs beside it', async () => {
    whole = await lorelei('sft', '--config', 'run.yaml', '--output_dir', 'whole', '--json');
    expect(whole.stderr).not.toMatch(/Error/);
    expect(whole.code).toBe(0);
    const rows = steps(whole);
    expect(rows.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    for (const key of ['grad_norm', 'learning_rate', 'epoch', 'num_tokens', 'mean_token_accuracy']) {
      expect(rows[0]).toHaveProperty(key, expect.any(Number));
    }
    expect(rows.at(-1)?.loss).toBeLessThan(rows[0]?.loss as number);
    expect(jsonRows(whole).filter((row) => row.eval_loss !== undefined)).toHaveLength(2);
    expect(jsonRows(whole).at(-1)).toMatchObject({
      event: 'end',
      status: 'completed',
      output_dir: join(folder, 'whole'),
    });
    expect(readdirSync(join(folder, 'whole'))).toEqual(
      expect.arrayContaining(['README.md', 'adapter_config.json', 'adapter_model.safetensors', 'tokenizer.json']),
    );
  });

  test.skipIf(process.platform === 'win32')(
    'a job that is killed resumes to the very same losses and adapter',
    async () => {
      const session = start('sft', '--config', 'run.yaml', '--output_dir', 'killed', '--json');
      await session.saw('"step":3,');
      const job = execFileSync('pgrep', ['-P', String(session.child.pid)], { encoding: 'utf8' }).trim();
      process.kill(Number(job), 'SIGKILL');
      const killed = await session.ended;
      expect(killed.code).toBe(1);
      expect(killed.stderr).toMatch(/ended by SIGKILL after step \d+/);
      expect(existsSync(join(folder, 'killed'))).toBe(false);

      const resumed = await lorelei('resume', 'latest', '--json');
      expect(resumed.code).toBe(0);
      const expected = new Map(steps(whole).map((row) => [row.step, row]));
      for (const row of steps(killed)) expect(row).toEqual(expected.get(row.step));
      const rows = steps(resumed);
      // How far the job came before it was killed depends on the machine.
      expect(rows.length).toBeGreaterThan(0);
      for (const row of rows) expect(row).toEqual(expected.get(row.step));
      const weights = (name: string): Buffer => readFileSync(join(folder, name, 'adapter_model.safetensors'));
      expect(weights('killed').equals(weights('whole'))).toBe(true);
    },
  );

  test('Ctrl-C stops after the step; what was saved can be exported and asked', async () => {
    const session = start('sft', '--config', 'run.yaml', '--max_steps', '500', '--json');
    await session.saw('"step":3,');
    session.child.kill('SIGINT');
    const stopped = await session.ended;
    expect(stopped.code).toBe(0);
    expect(jsonRows(stopped).at(-1)).toMatchObject({ status: 'stopped' });
    expect((await lorelei('export', 'latest', '--format', 'peft', '--output-dir', 'exported')).code).toBe(0);
    const answer = await lorelei(
      'generate',
      '--model',
      model,
      '--adapter',
      'exported',
      '--prompt',
      'Once',
      '--max_new_tokens',
      '8',
    );
    expect(answer.code).toBe(0);
    expect(answer.stdout.trim()).not.toBe('');
  });

  test('a run whose data is gone cannot resume: exit code 2, and it stays in the history', async () => {
    cpSync(join(folder, 'data.jsonl'), join(folder, 'moved.jsonl'));
    const session = start('sft', '--config', 'run.yaml', '--dataset_name', 'moved.jsonl', '--max_steps', '500');
    await session.saw('step 2/500');
    session.child.kill('SIGINT');
    expect((await session.ended).code).toBe(0);
    rmSync(join(folder, 'moved.jsonl'));
    const refused = await lorelei('resume', 'latest');
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(/There is no file or folder .*moved\.jsonl/);
    const shown = await lorelei('show', 'latest', '--json');
    expect(JSON.parse(shown.stdout)).toMatchObject({ status: 'failed', checkpoints: [{}, {}] });
  });

  test('greedy decoding from BOS gives the known story', async () => {
    const known = readFileSync(join(model, 'greedy.txt'), 'utf8');
    const { code, stdout } = await lorelei(
      'generate',
      '--model',
      model,
      '--prompt',
      '',
      '--max_new_tokens',
      '60',
      '--temperature',
      '0',
    );
    expect(code).toBe(0);
    expect(stdout.length).toBeGreaterThan(100);
    expect(known.startsWith(stdout.trimEnd())).toBe(true);
  });

  test('preview shows tokens and counts', async () => {
    const { code, stdout } = await lorelei('preview', '--config', 'run.yaml', '--rows', '2', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ rows: [{ line: 1 }, { line: 2 }], report: { rows: 24 } });
  });

  /** A copy of the model with something wrong. */
  function spoiled(name: string, spoil: (path: (file: string) => string) => void): string {
    cpSync(model, join(folder, name), { recursive: true });
    const path = (file: string): string => join(folder, name, file);
    execFileSync('chmod', ['-R', 'u+w', join(folder, name)]);
    spoil(path);
    return name;
  }
  const replaceIn = (file: string, from: string, to: string): void => {
    writeFileSync(file, readFileSync(file, 'utf8').replaceAll(from, to));
  };
  const put = (name: string, content: string): string => {
    writeFileSync(join(folder, name), content);
    return name;
  };

  test.each<[string, () => string[], RegExp]>([
    [
      'truncated weights',
      () => ['--model_name_or_path', spoiled('cut', (path) => truncateSync(path('model.safetensors'), 500_000))],
      /model\.safetensors is cut off: its header describes 1044992 bytes, the file has 500000/,
    ],
    [
      'missing weights',
      () => ['--model_name_or_path', spoiled('bare', (path) => rmSync(path('model.safetensors')))],
      /has neither model\.safetensors nor/,
    ],
    [
      'an unsupported architecture',
      () => ['--model_name_or_path', spoiled('other', (path) => replaceIn(path('config.json'), '"llama"', '"rwkv"'))],
      /model_type is "rwkv".*\n.*supported type: llama/,
    ],
    [
      'a config that contradicts the weights',
      () => [
        '--model_name_or_path',
        spoiled('wide', (path) => replaceIn(path('config.json'), '"hidden_size": 64', '"hidden_size": 128')),
      ],
      /model\.embed_tokens\.weight is \[512, 64\] in the weights, config\.json makes it \[512, 128\]/,
    ],
    [
      'a missing tokenizer',
      () => ['--model_name_or_path', spoiled('mute', (path) => rmSync(path('tokenizer.json')))],
      /has no tokenizer\.json/,
    ],
    ['an empty dataset', () => ['--dataset_name', put('empty.jsonl', '')], /empty\.jsonl is empty/],
    [
      'no usable column',
      () => ['--dataset_name', put('strange.jsonl', '{"foo":"a","bar":"b"}\n')],
      /It has "foo", "bar"\.\n.*columns: /,
    ],
    [
      'broken rows',
      () => ['--dataset_name', put('broken.jsonl', '{"text":"a"}\n{"text":\n')],
      /broken\.jsonl:2: not valid JSON/,
    ],
    [
      'a Git-LFS pointer',
      () => ['--dataset_name', join(sharedData ?? '', 'datasets/messy/lfs-pointer_preference_sample.jsonl')],
      /:1 is a Git-LFS pointer/,
    ],
    ['unknown layers', () => ['--lora_target_modules', 'attention'], /attention names no linear layer/],
    ['an absent device', () => ['--device', 'cuda'], /"cuda" cannot be used/],
  ])('%s: one paragraph, exit code 2, nothing written', async (_, keys, message) => {
    const before = readdirSync(join(home, 'runs'));
    const { code, stdout, stderr } = await lorelei('sft', '--config', 'run.yaml', '--output_dir', 'refused', ...keys());
    expect(stderr).toMatch(message);
    expect(code).toBe(2);
    expect(stderr.trim().split('\n')).toHaveLength(2);
    expect(stdout).not.toMatch(/^step /m);
    expect(readdirSync(join(home, 'runs'))).toEqual(before);
    expect(existsSync(join(folder, 'refused'))).toBe(false);
  });

  test('a loss that is no number stops the run at its step, exit code 1', async () => {
    const { code, stderr } = await lorelei(
      ...['sft', '--config', 'run.yaml', '--lora_alpha', '1e30', '--max_grad_norm', '0', '--learning_rate', '1'],
    );
    expect(code).toBe(1);
    expect(stderr).toMatch(/became (NaN|Infinity|-Infinity) at step \d+/);
    expect((await lorelei('runs')).stdout).toMatch(/failed/);
  });
});
