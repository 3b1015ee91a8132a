// What every optimizer here is: a rule that gives each parameter a state and moves the two along a gradient. Rules are
// loops over host memory: parameters live there, one pass over them costs less than a graph's node-by-node passes, and
// the state may have any type. Clipping, learning rate and parameter groups are decided by the caller.

export type StateTensor = { shape: readonly number[]; data: Float32Array | Uint8Array };

/** What a step knows besides the tensors. */
export type UpdateScalars = {
  learningRate: number;
  /** Counted from 1: averages that begin at 0 are corrected by it. */
  step: number;
  /** The gradient counts times this; clipping makes it smaller than 1. */
  gradientScale: number;
  /** 0 for parameters without weight decay. */
  weightDecay: number;
};

export type ParameterState = {
  /** All that the rule remembers of this parameter, by torch's or bitsandbytes' name; zeros at first. */
  readonly tensors: Readonly<Record<string, StateTensor>>;
  /** Changes `parameter` and the state in place. */
  update(parameter: Float32Array, gradient: Float32Array, scalars: UpdateScalars): void;
};

/** Begins the state of a parameter. */
export type UpdateRule = (shape: readonly number[]) => ParameterState;

export function elementsOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
