// Where a run's parameters, their gradients and the optimizer's state live while it trains: what host-state.ts and
// device-state.ts have in common.
import type { RuntimeTensor } from '../engine/runtime/runtime.ts';
import type { FlatLayout } from './flat-parameters.ts';
import { gradientNorm } from '../engine/optim/clip.ts';
import type { LossScaler } from '../engine/optim/loss-scaler.ts';
import type { Optimizer } from './optimizer.ts';

/** In host memory: what checkpoints, adapters and samples read and write. */
export type Home = {
  readonly layout: FlatLayout;
  readonly parameters: Float32Array;
  readonly optimizer: Optimizer;
  /** Where the loss is scaled: its gradients are, too, until an update has divided them by the scale. */
  readonly lossScaler: LossScaler | undefined;
};

export type TrainedState = {
  /** Parameters as graphs read them, one a slot. */
  parameters(): Promise<readonly RuntimeTensor[]>;
  /** Gradients of the step in progress, one a slot; all 0 when it begins. */
  gradients(): Promise<readonly RuntimeTensor[]>;
  /** Takes the gradients out of the outputs of the gradient graph. */
  keepGradients(outputs: ReadonlyMap<string, RuntimeTensor>): Promise<void>;
  /** Gradients in host memory: copies, or what stays as it is until the next step. */
  readGradients(): Promise<readonly Float32Array[]>;
  /** Forgets the gradients of the step in progress. */
  dropGradients(): void;
  /**
   * One optimizer step, which clears the gradients. Returns their norm before clipping. With a scaled loss a norm that is
   * not finite says that the step was skipped: nothing but the scale has changed.
   */
  update(learningRate: number): Promise<number>;
  /** Brings home what is newer elsewhere. */
  fetchHome(): Promise<void>;
  /** To be told whenever something else wrote to the home. */
  homeChanged(): void;
  dispose(): Promise<void>;
};

/** An optimizer step in host memory, which divides `gradients` by the scale of the loss. Returns what update returns. */
export function stepAtHome(
  { parameters, optimizer, lossScaler }: Home,
  gradients: readonly Float32Array[],
  learningRate: number,
): number {
  if (lossScaler) {
    // All of them, also behind the first that is not finite: their norm is told.
    const isFinite = gradients.map((gradient) => lossScaler.unscale(gradient)).every(Boolean);
    lossScaler.update(isFinite);
    if (!isFinite) return gradientNorm(gradients);
  }
  return optimizer.step(parameters, gradients, learningRate);
}
