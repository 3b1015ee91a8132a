// Tracks a made-up run with MLflow and TensorBoard, for trackers_check.py to read back:
// node write-tracked-run.ts FOLDER MLFLOW_ADDRESS FROM_STEP TO_STEP STATUS. Loss at step n is 1 / n; every fifth step
// is evaluated. A later call with the same folder resumes the run.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createReporter } from '../../main/trackers/reporter.ts';
import type { TrackedEnd } from '../../main/trackers/tracker.ts';

const [folder = '', address = '', from = '', to = '', status = ''] = process.argv.slice(2);
const runDir = join(folder, 'run');
mkdirSync(runDir, { recursive: true });

const many = Object.fromEntries(Array.from({ length: 120 }, (_, i) => [`key_${i}`, i]));
const reporter = createReporter(
  {
    id: 'calm-otter',
    name: 'first try',
    method: 'sft',
    modelName: 'SmolLM2-135M',
    parameters: { learning_rate: 2e-5, use_peft: true, max_length: null, long: 'x'.repeat(7000), ...many },
    outputDir: join(folder, 'adapter'),
    runDir,
  },
  ['mlflow', 'tensorboard'],
  {
    environment: { MLFLOW_TRACKING_URI: address, MLFLOW_EXPERIMENT_NAME: 'lorelei', MLFLOW_TAGS: '{"team": "river"}' },
    readSecret: () => undefined,
    tell: (message, level) => {
      console.log(`${level}: ${message}`);
    },
    closeMs: 30_000,
  },
);
reporter.record({ type: 'start', totalSteps: 20, startStep: Number(from) });
for (let step = Number(from) + 1; step <= Number(to); step += 1) {
  const metrics = { loss: 1 / step, 'rewards (mean)/chosen': step, epoch: step / 20 };
  reporter.record({ type: 'step', step, loss: 1 / step, stepMs: 1, tokensPerSecond: 1, metrics });
  if (step % 5 === 0)
    reporter.record({ type: 'evaluation', step, metrics: { eval_loss: 2 / step, eval_strange: Number.NaN } });
}
await reporter.end(status as TrackedEnd);
