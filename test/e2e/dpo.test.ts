// Preferences from the built command line, nothing replaced: the handbook's recipe from end to end, recipes as TRL's
// users write them, interruptions, and what is refused. On the starter model and the sample data.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { jsonRows, startLorelei, type Outcome, type Started } from '../support/lorelei-process.ts';

const project = resolve(import.meta.dirname, '../..');
const model = join(project, 'resources/starter-model');
const answers = join(project, 'resources/sample-data/sft.jsonl');
const pairs = join(project, 'resources/sample-data/dpo.jsonl');

let folder: string;
let home: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'lorelei-dpo-'));
  home = join(folder, 'home');
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

type Place = { home?: string; folder?: string };
const start = (words: string[], place: Place = {}): Started =>
  startLorelei('../../out/main/cli.js', words, { folder, home, ...place });
const lorelei = (words: string[], place?: Place): Promise<Outcome> => start(words, place).ended;

/** A command that must succeed. */
async function done(words: string[], place?: Place): Promise<Outcome> {
  const outcome = await lorelei(words, place);
  expect(outcome.code, outcome.stderr).toBe(0);
  return outcome;
}

describe("the LLM Engineer's Handbook", () => {
  const ask = [
    '--template',
    'alpaca',
    '--prompt',
    'What does a heron eat?',
    '--temperature',
    '0',
    '--max_new_tokens',
    '16',
  ];

  test('SFT, then DPO on its result, then one merged model that answers as the adapter does', async () => {
    // Large rates and short rows: a few steps must leave a mark on the answers.
    const quick = ['--max_length', '128', '--max_steps', '6', '--warmup_steps', '1', '--learning_rate', '5e-3'];
    const preset = ['--preset', 'handbook', ...quick, '--eval_steps', '3', '--json'];
    const first = ['--model_name_or_path', model, '--dataset_name', answers, '--output_dir', 'sft'];
    await done(['sft', ...preset, ...first]);
    const second = ['--model_name_or_path', 'run:latest', '--dataset_name', pairs, '--output_dir', 'dpo'];
    const rows = jsonRows(await done(['dpo', ...preset, ...second]));
    for (const name of ['rewards/margins', 'rewards/accuracies', 'logps/chosen', 'logits/rejected', 'entropy']) {
      expect(rows[0]).toHaveProperty([name], expect.any(Number));
    }
    const evaluations = rows.filter((row) => row.eval_loss !== undefined);
    expect(evaluations.map(({ step }) => step)).toEqual([3, 6]);
    expect(evaluations[1]?.['eval_rewards/margins']).toBeGreaterThan(0);
    expect(evaluations[1]?.eval_loss).toBeLessThan(Math.LN2);

    await done(['export', 'latest', '--format', 'merged', '--output-dir', 'merged']);
    const said = async (words: string[]): Promise<string> => (await done(['generate', ...words, ...ask])).stdout;
    const merged = await said(['--model', 'merged']);
    expect(merged).toBe(await said(['--model', 'run:latest']));
    expect(merged, 'the two steps must have changed the answer').not.toBe(await said(['--model', model]));

    const list = (await done(['runs'])).stdout;
    expect(list).toMatch(/dpo +completed +6\/6 .* run:\S+@6 /);
    expect(list).toMatch(/sft +completed +6\/6 .* starter-model /);
    const page = (await done(['show', 'latest'])).stdout;
    expect(page).toMatch(/step 6 {2}eval loss \S+ {2}eval margin \S+ {2}eval chosen preferred /);
  });

  test('the preference step can also train the adapter of the fine-tuning further', async () => {
    const list = jsonRows(await done(['runs', '--json']));
    const sft = String(list.find(({ method }) => method === 'sft')?.id);
    const words = ['--adapter_name_or_path', `run:${sft}`, '--model_name_or_path', model, '--dataset_name', pairs];
    await done(['dpo', '--preset', 'handbook', ...words, '--max_steps', '1', '--output_dir', 'further']);
    const config = JSON.parse(readFileSync(join(folder, 'further/adapter_config.json'), 'utf8')) as object;
    expect(config).toMatchObject({
      r: 32,
      base_model_name_or_path: expect.stringContaining('starter-model') as string,
    });
  });
});

test.each([
  ['sft', 'sft-lora-chat', /asks for bf16, which cpu does not compute in/, /wandb is not available/],
  ['sft', 'sft-packing', /TensorBoard: writing to/, /paged_adamw_8bit is adamw_8bit/],
  ['dpo', 'dpo-lora', /200 of 200 rows usable/, /precompute_ref_log_probs: .*always computed once/],
])('%s: the recipe %s, as TRL reads it, runs unchanged', async (method, name, ...notes) => {
  const recipe = join(project, 'test/recipe/fixtures', `${name}.yaml`);
  // The paths in the recipes begin at the project's folder.
  const words = [method, '--config', recipe, '--output_dir', join(folder, name), '--max_steps', '2'];
  const { stdout, stderr } = await done(words, { folder: project });
  for (const note of notes) expect(stdout).toMatch(note);
  expect(stderr).toBe('');
  expect(existsSync(join(folder, name, 'adapter_model.safetensors'))).toBe(true);
  if (name !== 'sft-packing') return;
  const logs = join(folder, name, 'runs');
  expect(readdirSync(join(logs, readdirSync(logs)[0] ?? '')).join()).toMatch(/^events\.out\.tfevents/);
});

describe.skipIf(process.platform === 'win32')('interrupted and resumed equals uninterrupted', () => {
  const recipe = [
    ...['dpo', '--model_name_or_path', model, '--dataset_name', pairs, '--lora_dropout', '0.1', '--disable_dropout'],
    ...['false', '--learning_rate', '1e-3', '--per_device_train_batch_size', '4', '--max_steps', '6'],
    ...['--test_split_size', '100', '--per_device_eval_batch_size', '1', '--eval_strategy', 'steps', '--eval_steps'],
    ...['2', '--logging_steps', '1', '--save_steps', '2', '--precompute_ref_batch_size', '1', '--json'],
    ...['--sample_prompts', '["Who are you?", "What does a heron eat?"]', '--sample_max_new_tokens', '12'],
  ];
  /** What a step left, without how long it took and what its process needed. */
  const course = (outcomes: Outcome[]): Map<string, unknown> =>
    new Map(
      outcomes.flatMap(jsonRows).flatMap((said) => {
        const { eval_runtime, eval_samples_per_second, eval_steps_per_second, ...kept } = said;
        const { process_memory_peak_megabytes, ...row } = kept;
        if (row.event === 'end') return [];
        const kind = row.event === 'sample' ? `sample ${String(row.index)}` : 'eval_loss' in row ? 'eval' : 'train';
        return [[`${kind} ${String(row.step)}`, row]];
      }),
    );
  const weights = (name: string): Buffer => readFileSync(join(folder, name, 'adapter_model.safetensors'));
  let whole: Outcome;
  beforeAll(async () => {
    whole = await done([...recipe, '--output_dir', 'whole']);
  });

  test.each([
    ['while the reference is asked', 'Asking the reference about the training', 'SIGINT'],
    ['in an evaluation', 'Evaluating', 'SIGINT'],
    ['between samples', 'step 0/6  sample 1', 'SIGINT'],
    ['in the last evaluation', '{"step":6', 'SIGINT'],
    ['by the death of its process', '{"step":5', 'SIGKILL'],
  ] as const)('%s', async (name, moment, signal) => {
    // A home of its own: what was asked of the reference is kept there.
    const place = { home: join(folder, `home ${name}`) };
    const session = start([...recipe, '--output_dir', name], place);
    await session.saw(moment);
    if (signal === 'SIGINT') session.child.kill(signal);
    else process.kill(Number(execFileSync('pgrep', ['-P', String(session.child.pid)], { encoding: 'utf8' })), signal);
    const interrupted = await session.ended;
    expect(interrupted.code).toBe(signal === 'SIGINT' ? 0 : 1);
    expect(existsSync(join(folder, name))).toBe(false);
    const resumed = await done(['resume', 'latest', '--json'], place);
    expect(course([interrupted, resumed])).toEqual(course([whole]));
    expect(weights(name).equals(weights('whole'))).toBe(true);
  });
});

describe('what cannot be is refused in one paragraph, before anything is written', () => {
  const sft = ['sft', '--model_name_or_path', model, '--dataset_name', answers];
  const dpo = ['dpo', '--model_name_or_path', model, '--dataset_name', pairs];
  const evaluated = ['--test_split_size', '8', '--eval_strategy', 'epoch'];
  test.each<[string, string[], RegExp]>([
    ['beta 0', [...dpo, '--beta', '0'], /beta is 0; it must be above 0/],
    ['smoothing', [...dpo, '--loss_type', 'robust', '--label_smoothing', '0.5'], /label_smoothing is 0\.5.*below 0\.5/],
    ['exo_pair', [...dpo, '--loss_type', 'exo_pair'], /label_smoothing is 0; .*above 0 .*\n.*1e-3/],
    [
      'weights',
      [...dpo, '--loss_type', 'sigmoid', 'sft', '--loss_weights', '1'],
      /1 weight \(1\) for the 2 of loss_type/,
    ],
    ['a loss', [...dpo, '--loss_type', 'sigmiod'], /loss_type is sigmiod; it must be one or a list of sigmoid, hinge/],
    ['packing', [...dpo, '--packing'], /packing belongs to SFT/],
    ['single answers', ['dpo', ...sft.slice(1)], /holds single answers .*\n.*Use lorelei sft/],
    ['pairs', ['sft', ...dpo.slice(1)], /holds preference pairs .*\n.*use lorelei dpo/],
    ['patience', [...sft, '--early_stopping_patience', '2'], /early_stopping_patience: 2 compares evaluations/],
    [
      'a schedule',
      [...sft, '--lr_scheduler_type', 'cosine_with_restarts', '--lr_scheduler_kwargs', '{"cycles": 2}'],
      /lr_scheduler_kwargs: cycles means nothing .*\n.*num_cycles/,
    ],
    ['an optimizer', [...sft, '--optim', 'adamw'], /optim is adamw; it must be one of adamw_torch/],
    ['both halves', [...sft, '--bf16', '--fp16'], /both bf16 and fp16/],
    [
      'a run',
      [...dpo, '--adapter_name_or_path', 'run:nobody'],
      /adapter_name_or_path is run:nobody, and there is no run/,
    ],
    [
      'a template',
      [...sft, '--chat_template_path', 'no.jinja'],
      /chat_template_path "no\.jinja": there is no such file/,
    ],
    ['a tracker', [...sft, '--report_to', 'nonsense'], /report_to is nonsense; it must be none, all or a list/],
    ['prompts', [...sft, '--sample_prompts', '[{"role": "user"}]'], /sample_prompts is .*texts or lists of messages/],
    [
      'a metric',
      [...dpo, '--save_strategy', 'best', ...evaluated, '--metric_for_best_model', 'reward'],
      /metric_for_best_model is reward; .*rewards\/margins/,
    ],
    ['layers', [...sft, '--modules_to_save', 'lm_head'], /modules_to_save: lm_head asks to train whole layers/],
    ['DoRA', [...dpo, '--use_dora', '--adapter_name_or_path', 'whole'], /both adapter_name_or_path and use_dora/],
    ['a pattern', [...sft, '--rank_pattern', '{"nothing": 8}'], /rank_pattern: "nothing" is the end of no adapted/],
  ])('%s', async (_, words, message) => {
    const before = readdirSync(join(home, 'runs'));
    const { code, stderr } = await lorelei([...words, '--output_dir', 'refused']);
    expect(stderr).toMatch(message);
    expect(stderr.trim().split('\n')).toHaveLength(2);
    expect(code).toBe(2);
    expect(readdirSync(join(home, 'runs'))).toEqual(before);
    expect(existsSync(join(folder, 'refused'))).toBe(false);
  });
});
