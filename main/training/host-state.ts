// Parameters, gradients and optimizer where the graphs run on the host: nothing is ever copied.
import { readFloat32, type Runtime, type RuntimeTensor } from '../engine/runtime/runtime.ts';
import { gradientName } from './build-step.ts';
import { view } from './flat-parameters.ts';
import { type Home, stepAtHome, type TrainedState } from './trained-state.ts';

export function hostState(runtime: Runtime, home: Home): TrainedState {
  const { layout, parameters } = home;
  const { slots } = layout;
  const zeros = new Float32Array(Math.max(0, ...slots.map(({ size }) => size)));
  const none = slots.map(({ size }) => zeros.subarray(0, size));
  // They are the memory that the session handed out: a second home costs a copy.
  let gradients: readonly Float32Array[] = none;
  const wrapped = (values: (slot: number) => Float32Array): RuntimeTensor[] =>
    slots.map(({ shape }, i) => runtime.tensor('float32', shape, values(i)));
  const views = slots.map((slot) => view(parameters, slot));
  return {
    parameters: () => Promise.resolve(wrapped((i) => views[i] ?? zeros)),
    gradients: () => Promise.resolve(wrapped((i) => gradients[i] ?? zeros)),
    keepGradients: async (outputs) => {
      gradients = await Promise.all(
        slots.map(({ name }) => readFloat32(runtime, outputs.get(gradientName(name).after))),
      );
    },
    readGradients: () => Promise.resolve(gradients),
    dropGradients: () => {
      gradients = none;
    },
    update: (learningRate) => {
      const norm = stepAtHome(home, gradients, learningRate);
      gradients = none;
      return Promise.resolve(norm);
    },
    fetchHome: () => Promise.resolve(),
    homeChanged: () => undefined,
    dispose: () => Promise.resolve(),
  };
}
