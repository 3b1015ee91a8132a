// A run to track, with the records that its job would post, and what was told about it.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { JobRecord } from '../../preload/contract.ts';
import type { Timing } from '../../main/trackers/delivery.ts';
import { createReporter, type Reporter } from '../../main/trackers/reporter.ts';
import type { Environment, ReadSecret, TrackedRun } from '../../main/trackers/tracker.ts';

export const quick: Timing = { requestMs: 300, pauseMs: 20, longestPauseMs: 100 };

export function trackedRun(folder: string, changes: Partial<TrackedRun> = {}): TrackedRun {
  const run = {
    id: 'calm-otter',
    name: 'first try',
    method: 'sft',
    modelName: 'SmolLM2-135M',
    parameters: { learning_rate: 2e-5, use_peft: true, lora_target_modules: ['q_proj'], hub_token: 'hf_secret' },
    outputDir: join(folder, 'adapter'),
    runDir: join(folder, 'run'),
    ...changes,
  };
  mkdirSync(run.runDir, { recursive: true });
  return run;
}

export type Tracking = {
  reporter: Reporter;
  told: { message: string; level: string }[];
  /** Fulfilled once something was told that contains `words`. */
  saw: (words: string) => Promise<void>;
};

type Options = {
  names: string[];
  environment: Environment;
  readSecret?: ReadSecret;
  timing?: Timing;
  closeMs?: number;
};

export function track(
  run: TrackedRun,
  { names, environment, readSecret = (name) => environment[name], timing = quick, closeMs = 2000 }: Options,
): Tracking {
  const told: Tracking['told'] = [];
  const reporter = createReporter(run, names, {
    environment,
    readSecret,
    tell: (message, level) => told.push({ message, level }),
    timing,
    closeMs,
  });
  onTestFinished(() => reporter.end('interrupted'));
  return {
    reporter,
    told,
    saw: (words) => until(() => told.some(({ message }) => message.includes(words))),
  };
}

export async function until(holds: () => boolean): Promise<void> {
  const giveUpAt = Date.now() + 10_000;
  while (!holds()) {
    if (Date.now() > giveUpAt) throw new Error(`never held: ${String(holds)}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export const started = (startStep = 0): JobRecord => ({ type: 'start', totalSteps: 100, startStep });

export const step = (at: number, loss = 1 / at): JobRecord => ({
  type: 'step',
  step: at,
  loss,
  stepMs: 1,
  tokensPerSecond: 1,
  metrics: { loss, epoch: at / 10 },
});

export const evaluation = (at: number): JobRecord => ({
  type: 'evaluation',
  step: at,
  metrics: { eval_loss: 2, epoch: at / 10 },
});
