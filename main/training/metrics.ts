// Collects what one log line says: means since the last line, under TRL's names.
import type { Metrics } from '../../preload/contract.ts';

export type MicroBatchResult = { loss: number; correct: number; labels: number; tokens: number };

/** The part of a log that a checkpoint carries over. */
export type LogState = { lossSum: number; steps: number; accuracySum: number; microBatches: number; numTokens: number };

export class TrainingLog {
  #state: LogState;

  constructor(state: LogState = { lossSum: 0, steps: 0, accuracySum: 0, microBatches: 0, numTokens: 0 }) {
    this.#state = { ...state };
  }

  get state(): LogState {
    return { ...this.#state };
  }

  /** Adds an optimizer step made of these micro-batches. Returns its loss. */
  addStep(results: readonly MicroBatchResult[]): number {
    const loss = results.reduce((sum, result) => sum + result.loss, 0);
    this.#state.lossSum += loss;
    this.#state.steps += 1;
    for (const { correct, labels, tokens } of results) {
      this.#state.accuracySum += correct / Math.max(1, labels);
      this.#state.microBatches += 1;
      this.#state.numTokens += tokens;
    }
    return loss;
  }

  /** The means since the last call; loss over steps, accuracy over micro-batches. */
  take(rest: { gradNorm: number; learningRate: number; epoch: number }): Metrics {
    const { lossSum, steps, accuracySum, microBatches, numTokens } = this.#state;
    this.#state = { lossSum: 0, steps: 0, accuracySum: 0, microBatches: 0, numTokens };
    return {
      loss: lossSum / Math.max(1, steps),
      grad_norm: rest.gradNorm,
      learning_rate: rest.learningRate,
      epoch: rest.epoch,
      num_tokens: numTokens,
      mean_token_accuracy: accuracySum / Math.max(1, microBatches),
    };
  }
}
