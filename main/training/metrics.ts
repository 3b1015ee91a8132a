// Collects what one log line says: means since the last line, under TRL's names.
import type { Metrics } from '../../preload/contract.ts';

export type MicroBatchResult = { loss: number; tokens: number; metrics: Metrics };

/** Means of metrics over micro-batches. */
export class MetricMeans {
  #sums: Metrics;
  #count: number;

  constructor({ sums, count }: { sums: Metrics; count: number } = { sums: {}, count: 0 }) {
    this.#sums = { ...sums };
    this.#count = count;
  }

  get state(): { sums: Metrics; count: number } {
    return { sums: { ...this.#sums }, count: this.#count };
  }

  add(metrics: Metrics): void {
    for (const [name, value] of Object.entries(metrics)) this.#sums[name] = (this.#sums[name] ?? 0) + value;
    this.#count += 1;
  }

  /** The means since the last call. */
  take(): Metrics {
    const means = Object.entries(this.#sums).map(([name, sum]) => [name, sum / Math.max(1, this.#count)]);
    this.#sums = {};
    this.#count = 0;
    return Object.fromEntries(means) as Metrics;
  }
}

/** The part of a log that a checkpoint carries over. */
export type LogState = { lossSum: number; steps: number; sums: Metrics; count: number; numTokens: number };

export type StepFacts = {
  gradNorm: number;
  learningRate: number;
  epoch: number;
  /** Of this step, and how many were skipped so far: where the loss is scaled. */
  lossScale?: number;
  skippedSteps?: number;
};

export class TrainingLog {
  readonly #means: MetricMeans;
  #lossSum: number;
  #steps: number;
  #numTokens: number;

  constructor(state: LogState = { lossSum: 0, steps: 0, sums: {}, count: 0, numTokens: 0 }) {
    this.#means = new MetricMeans(state);
    this.#lossSum = state.lossSum;
    this.#steps = state.steps;
    this.#numTokens = state.numTokens;
  }

  get state(): LogState {
    return { ...this.#means.state, lossSum: this.#lossSum, steps: this.#steps, numTokens: this.#numTokens };
  }

  get numTokens(): number {
    return this.#numTokens;
  }

  /** Adds an optimizer step made of these micro-batches, whose losses add up to the step's. Returns that. */
  addStep(results: readonly MicroBatchResult[]): number {
    const loss = results.reduce((sum, result) => sum + result.loss, 0);
    this.#lossSum += loss;
    this.#steps += 1;
    for (const { metrics, tokens } of results) {
      this.#means.add(metrics);
      this.#numTokens += tokens;
    }
    return loss;
  }

  /** The means since the last call: of the loss over steps, of everything else over micro-batches. */
  take(rest: StepFacts): Metrics {
    const loss = this.#lossSum / Math.max(1, this.#steps);
    this.#lossSum = 0;
    this.#steps = 0;
    return {
      loss,
      // transformers logs inf or nan for a step that was skipped, which no chart and no JSON can hold.
      ...(Number.isFinite(rest.gradNorm) && { grad_norm: rest.gradNorm }),
      learning_rate: rest.learningRate,
      epoch: rest.epoch,
      num_tokens: this.#numTokens,
      ...(rest.lossScale !== undefined && { loss_scale: rest.lossScale }),
      ...(rest.skippedSteps !== undefined && { skipped_steps: rest.skippedSteps }),
      ...this.#means.take(),
    };
  }
}
