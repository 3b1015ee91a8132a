// A job process without an engine: speaks the worker's protocol and does what the recipe's run_name says, so that
// hosts can be tested with runs that go well, are stopped, fail, or die. Losses fall as 4 / (1 + step / 10).
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { JobRecord } from '../../preload/contract.ts';
import type { JobSpec } from '../../main/training/job.ts';

type Behaviour =
  'well' | 'refused' | 'not-finite' | 'dies' | 'aborts-preparing' | 'disk-full' | 'runs-out' | 'always-runs-out';

let stopping = false;

let posted = Promise.resolve();
const post = (record: JobRecord): void => {
  posted = new Promise((sent) => process.send?.(record, undefined, undefined, () => sent()));
};

const lossAt = (step: number): number => 4 / (1 + step / 10);

function writeCheckpoint(job: JobSpec, step: number): void {
  const path = join(job.runDir, `checkpoint-${step}`);
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, 'state.json'), JSON.stringify({ format: 1, step, files: {}, state: {} }));
  post({ type: 'checkpoint', step, path });
}

async function run(job: JobSpec): Promise<void> {
  const behaviour = (job.recipe.run_name ?? 'well') as Behaviour;
  const {
    max_steps: totalSteps,
    save_steps: saveSteps,
    logging_steps: loggingSteps,
    eval_steps: evalSteps,
  } = job.recipe;
  // weight_decay is otherwise unused here, so that tests can say how long a step takes.
  const stepMs = job.recipe.weight_decay;
  post({ type: 'progress', phase: 'Tokenizing', done: 1, total: 2 });
  if (behaviour === 'aborts-preparing') {
    console.error('terminate called: out of memory in Reshape');
    process.abort();
  }
  if (behaviour === 'refused') {
    const error = { code: 'dataset-empty', message: 'data.jsonl holds no rows.', fix: 'Give a file with rows.' };
    post({ type: 'end', status: 'failed', outputDir: job.outputDir, metrics: {}, error });
    return;
  }
  const startStep = job.resumeFrom === undefined ? 0 : Number(/checkpoint-(\d+)$/.exec(job.resumeFrom)?.[1]);
  const device = job.device?.name ?? job.recipe.device;
  post({ type: 'device', device: device === 'auto' ? 'cpu' : device });
  post({ type: 'event', level: 'info', message: 'Device: none, this is a test.' });
  post({ type: 'start', totalSteps, startStep });
  let step = startStep;
  while (step < totalSteps && !stopping) {
    step += 1;
    if (stepMs > 0) await sleep(stepMs);
    if (behaviour === 'dies' && step === 8 && startStep === 0) process.kill(process.pid, 'SIGKILL');
    const runsOut = behaviour === 'always-runs-out' || (behaviour === 'runs-out' && (job.halvings ?? 0) < 2);
    if (runsOut && step === 8) process.kill(process.pid, 'SIGKILL');
    if (behaviour === 'not-finite' && step === 6) {
      fail(job, 'loss-not-finite', `The loss is NaN at step ${step}.`);
      return;
    }
    if (behaviour === 'disk-full' && step === 6) {
      fail(job, 'disk-full', 'The disk is full.');
      return;
    }
    const loss = lossAt(step);
    const logged = step % loggingSteps === 0;
    const metrics = { loss, grad_norm: 1, learning_rate: 2e-5, epoch: step / totalSteps, num_tokens: step * 64 };
    post({ type: 'step', step, loss, stepMs: 1, tokensPerSecond: 64_000, ...(logged && { metrics }) });
    if (evalSteps !== undefined && step % evalSteps === 0) {
      post({ type: 'evaluation', step, metrics: { eval_loss: loss + 0.5, epoch: step / totalSteps } });
    }
    if (step % saveSteps === 0) {
      writeCheckpoint(job, step);
      const old = join(job.runDir, `checkpoint-${step - 2 * saveSteps}`);
      if (existsSync(old)) {
        rmSync(old, { recursive: true });
        post({ type: 'checkpoint-removed', path: old });
      }
    }
    if (stepMs === 0 && step % 1000 === 0) await sleep(1); // lets messages in
  }
  if (stopping) writeCheckpoint(job, step);
  mkdirSync(job.outputDir, { recursive: true });
  writeFileSync(join(job.outputDir, 'adapter_config.json'), '{}');
  post({
    type: 'end',
    status: stopping ? 'stopped' : 'completed',
    outputDir: job.outputDir,
    metrics: { train_loss: 2 },
  });
}

function fail(job: JobSpec, code: string, message: string): void {
  const error = { code, message, fix: 'This is a test.' };
  post({ type: 'end', status: 'failed', outputDir: job.outputDir, metrics: {}, error });
}

process.on('message', (message: { type: 'start'; job: JobSpec } | { type: 'stop' }) => {
  if (message.type === 'stop') {
    stopping = true;
    return;
  }
  void run(message.job)
    .then(() => posted)
    .then(() => {
      process.disconnect();
    });
});
// The host is gone: stop as if asked.
process.on('disconnect', () => {
  stopping = true;
});
