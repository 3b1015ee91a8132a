// The graphs of an optimizer step on a device: the norm of all gradients, and AdamW for every parameter. What runs them
// is device-state.ts.
import { type AdamSettings } from '../engine/optim/adamw.ts';
import { movedByAdamW } from '../engine/optim/adamw-graph.ts';
import { GraphBuilder } from '../engine/graph/builder.ts';
import { type CompiledGraph, toOnnx } from '../engine/graph/onnx.ts';
import type { Tensor } from '../engine/graph/tensor.ts';
import { gradientName } from './build-step.ts';
import type { FlatLayout, Slot } from './flat-parameters.ts';

/** float32 [], of all gradients together. */
export const squaresOutput = 'squares';

/** The gradient of each parameter under gradientName(...).after -> the sum of their squares. */
export function buildSquaresGraph({ slots }: FlatLayout): CompiledGraph {
  const g = new GraphBuilder();
  const squares = slots.map(({ name, shape }) => {
    const gradient = g.input(gradientName(name).after, 'float32', shape);
    return g.reduceSum(g.mul(gradient, gradient), [...shape.keys()], false);
  });
  // One by one: a sum or a concatenation of hundreds at once has more inputs than a device binds.
  const sum = squares.reduce((a, b) => g.add(a, b));
  return toOnnx(g.finish('squares', [{ name: squaresOutput, tensor: sum }]));
}

/** A parameter and AdamW's averages: read under the first names, written under the second. */
export const stateKinds = ['parameter', 'exp_avg', 'exp_avg_sq'] as const;
export type StateKind = (typeof stateKinds)[number];
export function stateName(kind: StateKind, parameter: string): { before: string; after: string } {
  const name = kind === 'parameter' ? parameter : `${kind}.${parameter}`;
  return { before: name, after: `moved:${name}` };
}

/** Scalars of a step, float32 []. Those with a group differ from parameter to parameter. */
export const updateInputs = {
  gradientScale: 'gradient_scale',
  secondCorrection: 'second_correction',
  stepSize: (group: string) => `step_size.${group}`,
  kept: (group: string) => `kept.${group}`,
} as const;

/** Parameters of one group are told the same: `groupOf` names it. */
export function buildAdamWGraph(
  { slots }: FlatLayout,
  settings: AdamSettings,
  groupOf: (slot: Slot) => string,
): CompiledGraph {
  const g = new GraphBuilder();
  const scalars = new Map<string, Tensor>();
  const scalar = (name: string): Tensor => {
    const known = scalars.get(name) ?? g.input(name, 'float32', []);
    scalars.set(name, known);
    return known;
  };
  const outputs = slots.flatMap((slot) => {
    const { name, shape } = slot;
    const input = (kind: StateKind): Tensor => g.input(stateName(kind, name).before, 'float32', shape);
    const group = groupOf(slot);
    const moved = movedByAdamW(
      g,
      settings,
      { parameter: input('parameter'), first: input('exp_avg'), second: input('exp_avg_sq') },
      g.input(gradientName(name).after, 'float32', shape),
      {
        gradientScale: scalar(updateInputs.gradientScale),
        secondCorrection: scalar(updateInputs.secondCorrection),
        stepSize: scalar(updateInputs.stepSize(group)),
        kept: scalar(updateInputs.kept(group)),
      },
    );
    return [
      { name: stateName('parameter', name).after, tensor: moved.parameter },
      { name: stateName('exp_avg', name).after, tensor: moved.first },
      { name: stateName('exp_avg_sq', name).after, tensor: moved.second },
    ];
  });
  return toOnnx(g.finish('adamw', outputs));
}
