// Trains the starter model from nothing: every weight, on packed rows of the endless corpus, with AdamW and a cosine
// schedule. Saves its state now and then and goes on from there when it was interrupted.

import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Batch } from '../data/types.ts';
import { sftObjective } from '../engine/losses/sft.ts';
import { modelFor } from '../engine/models/registry.ts';
import { learningRateAt } from '../engine/optim/schedule.ts';
import type { Runtime } from '../engine/runtime/runtime.ts';
import { view } from '../training/flat-parameters.ts';
import { Stepper } from '../training/stepper.ts';
import { documents, type CorpusShares, type Document } from './corpus.ts';
import { packRows, segments, toBatch, type Encode } from './rows.ts';
import { initialWeights, starterConfig } from './shape.ts';

export type StarterTraining = {
  seed: number;
  weightDecay: number;
  rowsPerBatch: number;
  rowLength: number;
  /** One after the other: the learning rate restarts with each (Loshchilov and Hutter, "SGDR", 2017). */
  cycles: readonly Cycle[];
};

/** Warm-up to the peak, a cosine over `horizonSteps`, and a linear way down over the last steps of the cycle. */
export type Cycle = CorpusShares & {
  steps: number;
  learningRate: number;
  warmupSteps: number;
  horizonSteps: number;
  coolDownSteps: number;
};

export type TrainedTensor = { name: string; shape: readonly number[]; data: Float32Array };

export type StarterRun = {
  runtime: Runtime;
  encode: Encode;
  training: StarterTraining;
  /** Where the interrupted state lies between two runs. */
  statePath: string;
  report: (line: string) => void;
  stopRequested: () => boolean;
};

const reportEvery = 50;
const saveEvery = 200;
const heldOutBatches = 8;

/** Trains to the end, or saves and returns undefined when asked to stop. */
export async function trainStarter(run: StarterRun): Promise<TrainedTensor[] | undefined> {
  const { runtime, encode, training, report } = run;
  const totalSteps = stepsOf(training.cycles);
  const stepper = await Stepper.create(runtime, {
    model: modelFor(starterConfig),
    step: {
      trained: { kind: 'all' },
      objective: sftObjective('nll'),
      recompute: false,
      headChunks: 1,
      neftuneAlpha: 0,
      queryBlocks: 1,
      maxPositions: training.rowLength,
    },
    optimizer: {
      optim: 'adamw_torch',
      beta1: 0.9,
      beta2: 0.98,
      epsilon: 1e-8,
      weightDecay: training.weightDecay,
      maxGradNorm: 1,
    },
    memory: 'fast',
    decays: ({ shape }) => shape.length > 1,
  });
  for (const slot of stepper.layout.slots)
    view(stepper.parameters, slot).set(initialWeights(slot.name, slot.size, training.seed));
  restore(run, stepper);

  const batches = allBatches(encode, training);
  for (let skipped = 0; skipped < stepper.step; skipped += 1) batches.next();

  let [losses, steps, tokens, since] = [0, 0, 0, performance.now()];
  while (stepper.step < totalSteps) {
    if (run.stopRequested()) {
      save(run, stepper);
      report(`stopped at step ${stepper.step}; the next build goes on from there`);
      await stepper.dispose();
      return undefined;
    }
    const batch = batches.next().value;
    if (batch === undefined) throw new Error('the cycles ended before the steps did');
    const { loss } = await stepper.accumulate(batch, 1 / batch.labelIds.length, 0);
    const learningRate = rateAt(stepper.step, training.cycles);
    await stepper.update(learningRate);
    if (!Number.isFinite(loss)) throw new Error(`the loss became ${loss} at step ${stepper.step}`);
    losses += loss;
    steps += 1;
    tokens += batch.tokenCount;
    if (stepper.step % reportEvery === 0) {
      const seconds = (performance.now() - since) / 1000;
      report(
        `step ${stepper.step}/${totalSteps}  loss ${(losses / steps).toFixed(4)}  ` +
          `lr ${learningRate.toExponential(2)}  ${Math.round(tokens / seconds)} tokens/s`,
      );
      [losses, steps, tokens, since] = [0, 0, 0, performance.now()];
    }
    if (stepper.step % saveEvery === 0) save(run, stepper);
  }
  report(`loss on fresh documents ${(await heldOutLoss(stepper, run)).toFixed(4)}`);
  const tensors = stepper.layout.slots.map((slot) => ({
    name: slot.name,
    shape: slot.shape,
    data: view(stepper.parameters, slot).slice(),
  }));
  await stepper.dispose();
  return tensors;
}

export const stepsOf = (cycles: readonly Cycle[]): number => cycles.reduce((sum, { steps }) => sum + steps, 0);

/** The learning rate of a step, counted from 0 over all cycles. */
export function rateAt(step: number, cycles: readonly Cycle[]): number {
  const [cycle, ...later] = cycles;
  if (cycle === undefined) return 0;
  if (step >= cycle.steps) return rateAt(step - cycle.steps, later);
  const { steps, learningRate, warmupSteps, horizonSteps, coolDownSteps } = cycle;
  const cosine = learningRateAt({ type: 'cosine', learningRate, warmupSteps, totalSteps: horizonSteps }, step);
  return cosine * Math.min(1, (steps - step) / coolDownSteps);
}

/** The batches of all cycles; each has documents of its own. */
function* allBatches(encode: Encode, training: StarterTraining): Generator<Batch, undefined> {
  for (const [index, { steps, mannered, practice }] of training.cycles.entries()) {
    const batches = batchStream(documents(training.seed + index, { mannered, practice }), encode, training);
    for (let step = 0; step < steps; step += 1) yield batches.next().value;
  }
}

function* batchStream(
  source: Iterable<Document>,
  encode: Encode,
  { rowsPerBatch, rowLength }: StarterTraining,
): Generator<Batch, never> {
  let rows = [];
  for (const row of packRows(segments(source, encode), rowLength)) {
    rows.push(row);
    if (rows.length < rowsPerBatch) continue;
    yield toBatch(rows, rowLength);
    rows = [];
  }
  throw new Error('the corpus ended');
}

/** Mean loss per trained token of documents from another seed. */
async function heldOutLoss(stepper: Stepper, { encode, training }: StarterRun): Promise<number> {
  const batches = batchStream(documents(training.seed + training.cycles.length), encode, training);
  let [loss, labels] = [0, 0];
  for (let i = 0; i < heldOutBatches; i += 1) {
    const batch = batches.next().value;
    loss += (await stepper.evaluate(batch, 1)).loss;
    labels += batch.labelIds.length;
  }
  return loss / labels;
}

/** State file: one line of JSON (the settings and the step), then the parameters and the optimizer's tensors. */
function save({ statePath, training }: StarterRun, stepper: Stepper): void {
  const header = Buffer.from(`${stateHeader(training, stepper.step)}\n`);
  const bytes = stateOf(stepper).map((data) => Buffer.from(data.buffer, data.byteOffset, data.byteLength));
  mkdirSync(dirname(statePath), { recursive: true });
  writeFileSync(`${statePath}.part`, Buffer.concat([header, ...bytes]));
  renameSync(`${statePath}.part`, statePath);
}

function stateOf({ parameters, optimizer }: Stepper): (Float32Array | Uint8Array)[] {
  return [
    parameters,
    ...optimizer
      .state()
      .tensors.values()
      .map(({ data }) => data),
  ];
}

/** What must be the same for training to go on; cycles that have not begun do not count. */
function stateHeader(training: StarterTraining, step: number): string {
  const begun = training.cycles.filter((_, i) => i === 0 || stepsOf(training.cycles.slice(0, i)) < step);
  return JSON.stringify({ ...training, cycles: begun, ...starterConfig, step });
}

/** Goes on from the state file where there is one of the same settings. */
function restore({ statePath, training, report }: StarterRun, stepper: Stepper): void {
  if (!existsSync(statePath)) return;
  const file = readFileSync(statePath);
  const headerBytes = file.indexOf('\n') + 1;
  const header = file.toString('utf8', 0, headerBytes - 1);
  const saved = JSON.parse(header) as { step: number };
  if (header !== stateHeader(training, saved.step)) {
    report('the saved state belongs to other settings; beginning anew');
    return;
  }
  let at = headerBytes;
  for (const data of stateOf(stepper)) {
    Buffer.from(data.buffer, data.byteOffset, data.byteLength).set(file.subarray(at, at + data.byteLength));
    at += data.byteLength;
  }
  const { tensors } = stepper.optimizer.state();
  stepper.optimizer.restore({ stepsTaken: saved.step, tensors }, statePath);
  report(`going on from step ${saved.step}`);
}
