// A home folder with a history in it, for tests that show runs. The numbers are made by formula, not by training.
import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { thisProcess } from '../../main/app/process-identity.ts';
import { writeCheckpoint } from '../../main/checkpoints/run-state.ts';
import { openHistory, type History } from '../../main/store/history.ts';
import { checkpointOfStep } from '../checkpoints/checkpoint-of-step.ts';

export type SeededHome = { folder: string; history: History };

const second = 1000;
const hour = 3_600_000;

/** A new home with four runs: completed "calm-otter", failed "brave-heron", dead "misty-reed", live "swift-trout". */
export function seedHome(): SeededHome {
  const folder = mkdtempSync(join(tmpdir(), 'lorelei-home-'));
  mkdirSync(join(folder, 'runs'));
  const history = openHistory(join(folder, 'lorelei.db'), join(import.meta.dirname, '../../resources/migrations'));
  const now = Date.now();

  addRun(history, 'calm-otter', now - 26 * hour, 200, 'dpo');
  addSteps(history, 'calm-otter', 1, 200, now - 26 * hour);
  const runDir = join(folder, 'runs/calm-otter');
  mkdirSync(runDir);
  for (const step of [50, 100, 150, 200]) {
    history.metrics.addEvaluation('calm-otter', {
      step,
      recordedAt: now - 26 * hour + step * second,
      metrics: {
        eval_loss: lossAt(step) + 0.12,
        'eval_rewards/margins': step / 100,
        'eval_rewards/accuracies': 0.875,
        eval_runtime: 1.2,
      },
    });
    history.samples.add('calm-otter', {
      step,
      index: 0,
      recordedAt: now - 26 * hour + step * second,
      prompt: [{ role: 'user', content: 'Who are you?' }],
      text: `An otter of ${step} steps.`,
    });
    history.checkpoints.add('calm-otter', {
      step,
      path: writeCheckpoint(runDir, checkpointOfStep(step)),
      recordedAt: now - 26 * hour + step * second,
    });
  }
  history.runs.update('calm-otter', { status: 'completed', endedAt: now - 26 * hour + 200 * second, host: null });
  note(history, 'calm-otter', 'info', 'Training on the CPU: 2 threads.', now - 26 * hour);
  note(history, 'calm-otter', 'warning', '3 rows were cut at max_length 512.', now - 26 * hour + second);

  addRun(history, 'misty-reed', now - 5 * hour, 120);
  addSteps(history, 'misty-reed', 1, 37, now - 5 * hour);

  addRun(history, 'brave-heron', now - 2 * hour, 80);
  addSteps(history, 'brave-heron', 1, 12, now - 2 * hour);
  history.runs.update('brave-heron', {
    status: 'failed',
    endedAt: now - 2 * hour + 12 * second,
    host: null,
    error: {
      code: 'loss-not-finite',
      message: 'The loss was NaN at step 13.',
      fix: 'Lower learning_rate (it is 0.5), then start again.',
    },
  });

  addRun(history, 'swift-trout', now - 30 * second, 100);
  history.runs.update('swift-trout', { host: thisProcess() });
  addSteps(history, 'swift-trout', 1, 30, now - 30 * second);
  return { folder, history };
}

/** Appends steps to a run as a training job would. */
export function addSteps(history: History, id: string, first: number, last: number, startedAt: number): void {
  history.transaction(() => {
    for (let step = first; step <= last; step++) {
      const loss = lossAt(step);
      const logged = { loss, learning_rate: 2e-4 * (1 - step / 250), grad_norm: 0.8, num_tokens: step * 1840 };
      const recordedAt = startedAt + step * second;
      history.metrics.addStep(id, { step, recordedAt, loss, stepMs: 1000, tokensPerSecond: 1840, logged });
    }
    history.runs.update(id, { lastStep: last, lastLoss: lossAt(last) });
  });
}

/** Falls from about 2.6 towards 0.9, with a wobble that is the same each time. */
export function lossAt(step: number): number {
  return 0.9 + 1.7 * Math.exp(-step / 40) + 0.12 * Math.sin(step * 2.3) * Math.cos(step * 0.7);
}

function addRun(history: History, id: string, createdAt: number, totalSteps: number, method = 'sft'): void {
  history.runs.insert({
    id,
    method,
    recipe: {
      model_name_or_path: '/models/SmolLM2-135M',
      dataset_name: 'notes.jsonl',
      learning_rate: 0.0002,
      lora_r: 16,
    },
    outputDir: `/adapters/${id}`,
    createdAt,
  });
  history.runs.update(id, { status: 'training', startedAt: createdAt, totalSteps });
}

function note(history: History, id: string, level: 'info' | 'warning', message: string, recordedAt: number): void {
  history.events.add(id, { recordedAt, step: 1, level, message });
}
