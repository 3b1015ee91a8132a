// The optimizer of a run: clips, gives each parameter its weight decay and learning rate, and lets an update rule of
// engine/optim move it. Owns the optimizer's state, which checkpoints read and write. Gradients are stepper.ts's.
import { adafactor } from '../engine/optim/adafactor.ts';
import { adamW8bit } from '../engine/optim/adamw-8bit.ts';
import { adamW } from '../engine/optim/adamw.ts';
import { clipFactor, gradientNorm } from '../engine/optim/clip.ts';
import { lion } from '../engine/optim/lion.ts';
import { sgd } from '../engine/optim/sgd.ts';
import type { ParameterState, StateTensor, UpdateRule, UpdateScalars } from '../engine/optim/update-rule.ts';
import { UserError } from '../errors.ts';
import { type FlatLayout, type Slot, view } from './flat-parameters.ts';

/** Values of the recipe's `optim`: transformers' names, `adamw_8bit` and `lion` in their long and short forms. */
export const optimizerNames = [
  'adamw_torch',
  'adamw_torch_fused',
  'adamw_8bit',
  'adamw_bnb_8bit',
  'paged_adamw_8bit',
  'paged_adamw_32bit',
  'sgd',
  'adafactor',
  'lion',
  'lion_32bit',
  'paged_lion_32bit',
] as const;
export type OptimizerName = (typeof optimizerNames)[number];

export type OptimizerSettings = {
  optim: OptimizerName;
  beta1: number;
  beta2: number;
  epsilon: number;
  weightDecay: number;
  /** Gradients of a larger global norm are shrunk to it; 0 switches that off. */
  maxGradNorm: number;
  /** LoRA+ (Hayou et al. 2024, arXiv:2402.12354): how much faster B learns than A. */
  loraplusLrRatio?: number;
};

/** Fused and paged name how PyTorch runs a rule, not what it computes. */
const rules: Record<OptimizerName, (settings: OptimizerSettings) => UpdateRule> = {
  adamw_torch: adamW,
  adamw_torch_fused: adamW,
  paged_adamw_32bit: adamW,
  adamw_8bit: adamW8bit,
  adamw_bnb_8bit: adamW8bit,
  paged_adamw_8bit: adamW8bit,
  sgd: () => sgd,
  adafactor: () => adafactor,
  lion,
  lion_32bit: lion,
  paged_lion_32bit: lion,
};

export type OptimizerState = {
  /** Steps that the state has seen. */
  stepsTaken: number;
  /** By `<state>.<parameter>`, such as `exp_avg.layers.0.q_proj.lora_A.weight`. */
  tensors: Map<string, StateTensor>;
};

/** Whether an optimizer is AdamW with its averages in float32. */
export function isPlainAdamW(optim: OptimizerName): boolean {
  return rules[optim] === adamW;
}

export class Optimizer {
  readonly #settings: OptimizerSettings;
  readonly #parameters: readonly { slot: Slot; state: ParameterState }[];
  #stepsTaken = 0;

  constructor(layout: FlatLayout, settings: OptimizerSettings) {
    const begin = rules[settings.optim](settings);
    this.#settings = settings;
    this.#parameters = layout.slots.map((slot) => ({ slot, state: begin(slot.shape) }));
  }

  get stepsTaken(): number {
    return this.#stepsTaken;
  }

  get settings(): OptimizerSettings {
    return this.#settings;
  }

  /**
   * Moves `parameters`, a vector laid out as the optimizer was told, along `gradients`, one a slot. Returns their norm
   * before clipping.
   */
  step(parameters: Float32Array, gradients: readonly Float32Array[], learningRate: number): number {
    const norm = gradientNorm(gradients);
    const scalarsOf = this.beginStep(norm, learningRate);
    for (const [i, { slot, state }] of this.#parameters.entries()) {
      const gradient = gradients[i];
      if (gradient?.length !== slot.size) throw new Error(`${slot.name} has no gradient`);
      state.update(view(parameters, slot), gradient, scalarsOf(slot));
    }
    return norm;
  }

  /** Counts a step, and says what the update of each parameter is told: for whoever moves them elsewhere. */
  beginStep(norm: number, learningRate: number): (slot: Slot) => UpdateScalars {
    const { maxGradNorm, weightDecay, loraplusLrRatio = 1 } = this.#settings;
    const gradientScale = clipFactor(norm, maxGradNorm);
    this.#stepsTaken += 1;
    const step = this.#stepsTaken;
    return (slot) => ({
      learningRate: learnsFaster(slot) ? learningRate * loraplusLrRatio : learningRate,
      step,
      gradientScale,
      weightDecay: slot.decay ? weightDecay : 0,
    });
  }

  /** Shares memory with the optimizer: it is as it was until the next step. */
  state(): OptimizerState {
    return { stepsTaken: this.#stepsTaken, tensors: new Map(this.#namedTensors()) };
  }

  /**
   * Copies a state, or leaves all as it was. `from` says in errors where the state lay.
   * @throws UserError "checkpoint-misfit"
   */
  restore({ stepsTaken, tensors }: OptimizerState, from: string): void {
    for (const [name, { shape, data }] of this.#namedTensors()) {
      const saved = tensors.get(name);
      if (saved?.shape.join() !== shape.join() || saved.data.constructor !== data.constructor)
        throw this.#misfit(from, name, tensors);
    }
    for (const [name, { data }] of this.#namedTensors()) data.set(tensors.get(name)?.data ?? []);
    this.#stepsTaken = stepsTaken;
  }

  *#namedTensors(): Generator<[name: string, tensor: StateTensor]> {
    for (const { slot, state } of this.#parameters)
      for (const [kind, tensor] of Object.entries(state.tensors)) yield [`${kind}.${slot.name}`, tensor];
  }

  #misfit(from: string, name: string, tensors: OptimizerState['tensors']): UserError {
    const wanted = new Map(this.#namedTensors()).get(name);
    const found = tensors.get(name);
    const text = ({ shape, data }: StateTensor): string =>
      `${data instanceof Uint8Array ? 'uint8' : 'float32'} [${shape.join(', ')}]`;
    return new UserError({
      code: 'checkpoint-misfit',
      message:
        `The run cannot continue from ${from}: optim: ${this.#settings.optim} needs "${name}" as ` +
        `${wanted ? text(wanted) : 'a tensor'}, and it is ${found ? text(found) : 'not there'}.`,
      fix: 'Resume with the optim and the model that the run was started with, or start a new run.',
    });
  }
}

/** What PEFT's create_loraplus_optimizer puts into its faster groups: B, and vectors such as DoRA's magnitudes. */
export function learnsFaster({ name, shape }: Slot): boolean {
  return name.includes('lora_B') || shape.length === 1;
}
