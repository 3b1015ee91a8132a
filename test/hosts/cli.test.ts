// The whole command line as a process, on jobs that train nothing (test/support/fake-worker.ts).
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { forkedJobs } from '../../main/hosts/cli/fork-job.ts';
import { runCommandLine } from '../../main/hosts/cli/program.ts';
import { jsonRows, startLorelei, type Outcome, type Started } from '../support/lorelei-process.ts';
import { writeModelStub } from '../support/model-stub.ts';

let folder: string;
let home: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lorelei-cli-'));
  home = join(folder, 'home');
  writeModelStub(join(folder, 'model'));
  writeFileSync(join(folder, 'data.jsonl'), '{"text":"x"}\n');
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const start = (...words: string[]): Started => startLorelei('fake-lorelei.ts', words, { folder, home });

const lorelei = (...words: string[]): Promise<Outcome> => start(...words).ended;

/** The same within this process, which saves half a second: for commands that start no job. */
async function here(...words: string[]): Promise<Outcome> {
  const before = { folder: process.cwd(), code: process.exitCode };
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    vi.spyOn(process[name], 'write').mockImplementation((text) => {
      output[name] += String(text);
      return true;
    });
  }
  vi.stubEnv('LORELEI_HOME', home);
  process.chdir(folder);
  process.exitCode = 0;
  try {
    await runCommandLine(words, forkedJobs('no worker'));
    return { code: process.exitCode, ...output };
  } finally {
    process.chdir(before.folder);
    process.exitCode = before.code;
    vi.unstubAllEnvs();
    vi.restoreAllMocks();
  }
}

const sft = (...keys: string[]): string[] => [
  'sft',
  '--model_name_or_path',
  'model',
  '--dataset_name',
  'data.jsonl',
  '--use_peft',
  '--max_steps',
  '20',
  ...keys,
];

async function show(name = 'latest'): Promise<Record<string, unknown>> {
  return jsonRows(await here('show', name, '--json'))[0] ?? {};
}

test('--json prints rows as trl names them, then the end, and nothing else on stdout', async () => {
  const outcome = await lorelei(
    ...sft(
      '--json',
      '--logging_steps',
      '5',
      '--eval_strategy',
      'steps',
      '--eval_steps',
      '10',
      '--test_split_size',
      '0.5',
    ),
  );
  expect(outcome.code).toBe(0);
  const printed = jsonRows(outcome);
  expect(printed.map((row) => row.event ?? (row.eval_loss === undefined ? 'train' : 'eval'))).toEqual([
    'train',
    'train',
    'eval',
    'train',
    'train',
    'eval',
    'end',
  ]);
  expect(printed[0]).toEqual({
    step: 5,
    loss: 4 / 1.5,
    grad_norm: 1,
    learning_rate: 2e-5,
    epoch: 0.25,
    num_tokens: 320,
  });
  expect(printed[2]).toEqual({ step: 10, eval_loss: 2.5, epoch: 0.5 });
  const [runName] = readdirSync(join(home, 'runs'));
  const outputDir = join(home, 'runs', String(runName), 'adapter');
  expect(printed.at(-1)).toEqual({
    event: 'end',
    status: 'completed',
    run: runName,
    output_dir: outputDir,
  });
  expect(existsSync(join(outputDir, 'adapter_config.json'))).toBe(true);
  expect(outcome.stderr).toContain(`Run ${String(runName)}`);
  expect(outcome.stderr).toContain('Device: none');
});

test('without a terminal there is a plain line per logged step', async () => {
  const { code, stdout, stderr } = await lorelei(...sft('--learning_rate', '1e-4', '--logging_steps=10'));
  expect(code).toBe(0);
  expect(stderr).toBe('');
  expect(stdout).toMatch(
    /^step 10\/20 {2}loss 2 {2}grad norm 1 {2}lr 2e-5 {2}epoch 0\.5 {2}64,000 tokens\/s {2}\d:\d\d left$/m,
  );
  expect(stdout).toMatch(/^Completed after 20 steps\. Adapter: /m);
  // eslint-disable-next-line no-control-regex
  expect(stdout).not.toMatch(/[\r\u001b]/);
});

test('keys on the command line replace those of the file', async () => {
  writeFileSync(
    join(folder, 'run.yaml'),
    'model_name_or_path: model\ndataset_name: data.jsonl\nlearning_rate: 1e-3\nmax_steps: 3\nlora_r: 4\n',
  );
  expect(
    (await lorelei('sft', '--config', 'run.yaml', '--lora_r', '8', '--lora_target_modules', 'q_proj', 'k_proj')).code,
  ).toBe(0);
  const { recipe } = await show();
  expect(recipe).toMatchObject({
    learning_rate: 0.001,
    lora_r: 8,
    lora_target_modules: ['q_proj', 'k_proj'],
    dataset_name: [join(folder, 'data.jsonl')],
    model_name_or_path: join(folder, 'model'),
  });
});

test('dpo takes its own keys, stands as dpo in the history, and resumes as such', async () => {
  writeFileSync(
    join(folder, 'run.yaml'),
    'model_name_or_path: model\ndataset_name: data.jsonl\nbeta: 0.2\nmax_steps: 20\nweight_decay: 30\n',
  );
  const session = start('dpo', '--config', 'run.yaml', '--loss_type', 'sigmoid', 'sft', '--loss_weights', '1', '0.5');
  await session.saw('Training, 20 steps');
  session.child.kill('SIGINT');
  expect((await session.ended).code).toBe(0);
  expect(await show()).toMatchObject({
    status: 'stopped',
    recipe: { method: 'dpo', beta: 0.2, loss_type: ['sigmoid', 'sft'], loss_weights: [1, 0.5], learning_rate: 1e-6 },
  });
  expect((await lorelei('resume', 'latest')).code).toBe(0);
  expect(await show()).toMatchObject({ recipe: { method: 'dpo' }, status: 'completed', step: 20 });
});

test('--preset gives what the recipe and the command line leave open', async () => {
  writeFileSync(join(folder, 'run.yaml'), 'model_name_or_path: model\ndataset_name: data.jsonl\nlora_r: 4\n');
  const words = ['--preset', 'quick-try', '--config', 'run.yaml', '--max_steps', '3'];
  expect((await lorelei('sft', ...words)).code).toBe(0);
  expect((await show()).recipe).toMatchObject({ lora_r: 4, max_steps: 3, max_length: 512, save_strategy: 'no' });
});

test('lorelei presets says what each is for', async () => {
  const { code, stdout } = await here('presets');
  expect(code).toBe(0);
  expect(stdout).toMatch(/^sft {2}quick-try +See within minutes .*\.$/m);
  expect(stdout).toMatch(/^dpo {2}handbook +The preference step /m);
  expect(jsonRows(await here('presets', '--json'))[0]).toEqual({
    name: 'balanced',
    method: 'sft',
    purpose: expect.stringMatching(/^A good start/) as string,
  });
});

test('the first Ctrl-C stops and saves; resume then finishes the run', async () => {
  const session = start(...sft('--weight_decay', '30', '--output_dir', 'out'));
  await session.saw('Training, 20 steps');
  session.child.kill('SIGINT');
  const stopped = await session.ended;
  expect(stopped.code).toBe(0);
  expect(stopped.stdout).toMatch(/Stopping after the current step/);
  expect(stopped.stdout).toMatch(/Continue: lorelei resume \S+/);
  const before = await show();
  expect(before.status).toBe('stopped');
  const step = before.step as number;
  expect(step).toBeLessThan(20);
  expect(before.checkpoints).toMatchObject([{ step }]);

  const resumed = await lorelei('resume', 'latest', '--json');
  expect(resumed.code).toBe(0);
  expect(resumed.stderr).toContain(`from step ${step} to 20`);
  expect(jsonRows(resumed).at(-1)).toMatchObject({
    event: 'end',
    status: 'completed',
    output_dir: join(folder, 'out'),
  });
  expect(await show()).toMatchObject({ status: 'completed', step: 20 });
});

test('a second Ctrl-C ends the job at once', async () => {
  const session = start(...sft('--weight_decay', '3000'));
  await session.saw('Training');
  session.child.kill('SIGINT');
  await session.saw('Stopping after');
  session.child.kill('SIGINT');
  const { code, stderr } = await session.ended;
  expect(code).toBe(1);
  expect(stderr).toMatch(/was ended at once/);
  expect(await show()).toMatchObject({ status: 'interrupted' });
});

test('lorelei stop stops a run of another terminal', async () => {
  const session = start(...sft('--weight_decay', '50', '--max_steps', '2000'));
  await session.saw('Training');
  const [name = ''] = readdirSync(join(home, 'runs'));
  expect((await here('runs')).stdout).toMatch(new RegExp(`${name} +sft +training`));
  const twice = await here('resume', name);
  expect(twice.code).toBe(2);
  expect(twice.stderr).toMatch(/is under way/);
  const asked = await lorelei('stop', name);
  expect(asked.code).toBe(0);
  expect((await session.ended).stdout).toMatch(/Stopped after/);
  const again = await here('stop', name);
  expect(again.code).toBe(2);
  expect(again.stderr).toMatch(/it is stopped/);
});

test('a job that dies leaves an interrupted run that resumes from its last checkpoint', async () => {
  const died = await lorelei(...sft('--run_name', 'dies', '--save_steps', '3', '--json'));
  expect(died.code).toBe(1);
  expect(died.stderr).toMatch(/ended by SIGKILL after step 7/);
  expect(died.stderr).toMatch(/lorelei resume \S+ continues from its checkpoint at step 6/);
  expect(jsonRows(died).at(-1)).toMatchObject({ event: 'end', status: 'interrupted' });
  expect(await show()).toMatchObject({ status: 'interrupted', step: 7 });
  expect((await lorelei('resume', 'latest')).code).toBe(0);
  const { metrics, status } = await show();
  expect(status).toBe('completed');
  expect((metrics as { step: number }[]).map(({ step }) => step)).toEqual([10, 20]);
});

test('a host that dies leaves an interrupted run, and its job saves and ends', async () => {
  const session = start(...sft('--weight_decay', '20', '--max_steps', '5000', '--save_steps', '1000'));
  await session.saw('Training');
  session.child.kill('SIGKILL');
  await session.ended;
  const deadline = Date.now() + 10_000;
  let run = await show();
  expect(run.status).toBe('interrupted');
  while ((run.checkpoints as unknown[]).length === 0 && Date.now() < deadline) run = await show();
  expect(run.checkpoints).toHaveLength(1);
});

test('the last words of a job that aborts are shown', async () => {
  const { code, stderr } = await lorelei(...sft('--run_name', 'aborts-preparing'));
  expect(code).toBe(1);
  expect(stderr).toMatch(/ended by SIGABRT while preparing/);
  expect(stderr).toContain('out of memory in Reshape');
});

test('a job that refuses its data leaves nothing behind, exit code 2', async () => {
  const refused = await lorelei(...sft('--run_name', 'refused', '--output_dir', 'out', '--json'));
  expect(refused.code).toBe(2);
  expect(refused.stderr).toMatch(/Error: data\.jsonl holds no rows\.\nGive a file with rows\.\n$/);
  expect(jsonRows(refused)).toMatchObject([{ event: 'end', status: 'failed', error: { code: 'dataset-empty' } }]);
  expect(readdirSync(join(home, 'runs'))).toEqual([]);
  expect(existsSync(join(folder, 'out'))).toBe(false);
  expect((await here('runs', '--json')).stdout).toBe('');
});

test('a run that fails while training is kept and exits with 1, a full disk with 2', async () => {
  const failed = await lorelei(...sft('--run_name', 'not-finite', '--save_steps', '2'));
  expect(failed.code).toBe(1);
  expect(failed.stderr).toMatch(/NaN at step 6/);
  expect(await show()).toMatchObject({ status: 'failed', step: 5, error: { code: 'loss-not-finite' } });
  expect((await lorelei(...sft('--run_name', 'disk-full'))).code).toBe(2);
  expect(await show()).toMatchObject({ status: 'failed', error: { code: 'disk-full' } });
});

test.each<[string, string[], RegExp]>([
  ['an unknown key', sft('--lerning_rate', '1'), /Did you mean learning_rate\?/],
  ['an impossible value', sft('--learning_rate', '-1'), /learning_rate is -1; it must be a number above 0/],
  ['a missing model', sft('--model_name_or_path', 'absent'), /The model folder .*absent does not exist/],
  ['missing data', sft('--dataset_name', 'absent.jsonl'), /There is no file or folder .*absent\.jsonl/],
  ['an unknown preset', sft('--preset', 'quick'), /There is no preset quick for sft\. Did you mean quick-try\?/],
  ['a preset of another method', ['dpo', '--preset', 'thorough'], /thorough is for sft, not for dpo/],
  ['keys of another method', sft('--beta', '0.1'), /beta belongs to DPO/],
  ['what cannot go together', sft('--load_best_model_at_end'), /load_best_model_at_end: true compares evaluations/],
  ['a missing recipe file', ['sft', '--config', 'absent.yaml'], /There is no recipe file .*absent\.yaml/],
  ['a stray word', ['sft', 'run.yaml'], /run\.yaml belongs to no option/],
  ['a full output folder', sft('--output_dir', '.'), /is not empty: it holds data\.jsonl/],
  ['an output folder that is a file', sft('--output_dir', 'data.jsonl'), /is a file/],
  ['an output folder below a file', sft('--output_dir', 'data.jsonl/out'), /cannot be written/],
  ['an unknown run', ['show', 'nobody'], /There is no run "nobody"/],
  ['an unknown command', ['sfd'], /unknown command 'sfd'/],
])('%s: one paragraph, exit code 2, nothing written', async (_, words, message) => {
  const { code, stdout, stderr } = await here(...words);
  expect(code).toBe(2);
  expect(stdout).toBe('');
  expect(stderr).toMatch(message);
  expect(stderr).not.toMatch(/\n\s+at /);
  expect(existsSync(join(home, 'runs')) ? readdirSync(join(home, 'runs')) : []).toEqual([]);
});

test('an adapter in the output folder is only replaced when asked', async () => {
  expect((await lorelei(...sft('--output_dir', 'out'))).code).toBe(0);
  const again = await here(...sft('--output_dir', 'out'));
  expect(again.code).toBe(2);
  expect(again.stderr).toMatch(/set overwrite_output_dir: true/);
  expect((await lorelei(...sft('--output_dir', 'out', '--overwrite_output_dir'))).code).toBe(0);
});

test('a damaged history is named, not thrown', async () => {
  mkdirSync(home);
  writeFileSync(join(home, 'lorelei.db'), 'not a database '.repeat(100));
  const { code, stderr } = await here('runs');
  expect(code).toBe(2);
  expect(stderr).toMatch(/lorelei\.db is damaged/);
});

test('the recipe of a run lies in its folder', async () => {
  await lorelei(...sft('--lora_r', '4'));
  const [name = ''] = readdirSync(join(home, 'runs'));
  expect(readFileSync(join(home, 'runs', name, 'recipe.yaml'), 'utf8')).toMatch(/^lora_r: 4$/m);
});

test('the host uses under 5 % of a core while a job reports 33 steps a second', async () => {
  const session = start(...sft('--weight_decay', '30', '--max_steps', '500', '--logging_steps', '5'));
  await session.saw('Training');
  const ticks = (): number => {
    const fields =
      readFileSync(`/proc/${session.child.pid ?? 0}/stat`, 'utf8')
        .split(') ')[1]
        ?.split(' ') ?? [];
    return Number(fields[11]) + Number(fields[12]); // user and system time, 10 ms each
  };
  if (process.platform !== 'linux') return;
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const before = ticks();
  await new Promise((resolve) => setTimeout(resolve, 3000));
  const share = ((ticks() - before) * 10) / 3000;
  session.child.kill('SIGINT');
  await session.ended;
  expect(share).toBeLessThan(0.05);
});

test('secrets are listed without their values, and only known ones can be kept', async () => {
  vi.stubEnv('COMET_API_KEY', 'SeCrEtKeY0123456789abcdef');
  const listed = await here('secrets');
  expect(listed.stdout).toMatch(/COMET_API_KEY +from the environment, …cdef\n/);
  expect(listed.stdout).not.toContain('SeCrEt');
  const unknown = await here('secrets', 'set', 'COMET_API_KEYS');
  expect([unknown.code, unknown.stderr]).toEqual([2, expect.stringContaining('Did you mean COMET_API_KEY?')]);
  for (const words of [['HF_TOKEN=hf_AbCdEf'], ['HF_TOKEN', 'hf_AbCdEf'], ['hf_AbCdEf']]) {
    const { code, stdout, stderr } = await here('secrets', 'set', ...words);
    expect(code).toBe(2);
    expect(stdout + stderr).not.toContain('hf_AbCdEf');
  }
  const noKeychain = await start('secrets', 'remove', 'HF_TOKEN').ended;
  expect([noKeychain.code, noKeychain.stderr]).toEqual([2, expect.stringContaining('LORELEI_KEYCHAIN is off')]);
});
