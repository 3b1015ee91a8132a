// Dynamic loss scaling for fp16 (Micikevicius et al. 2018, arXiv:1710.03740), as torch.amp.GradScaler does it: the loss
// is multiplied so that small gradients do not round to 0, and a step whose gradients overflowed is skipped. A step is:
// multiply the loss by `scale`, accumulate, `unscale` the sums, step if that says so, `update`; training/trained-state.ts
// does. Its state goes into checkpoints.

export type LossScale = {
  scale: number;
  /** Steps in a row without overflow since the scale changed. */
  growthTracker: number;
};

export type LossScalerSettings = {
  growthFactor: number;
  backoffFactor: number;
  /** Steps without overflow after which the scale grows. */
  growthInterval: number;
};

export const lossScalerDefaults = {
  initialScale: 65_536,
  growthFactor: 2,
  backoffFactor: 0.5,
  growthInterval: 2000,
} as const;

export class LossScaler {
  readonly #settings: LossScalerSettings;
  #state: LossScale;

  constructor(
    state: LossScale = { scale: lossScalerDefaults.initialScale, growthTracker: 0 },
    settings: LossScalerSettings = lossScalerDefaults,
  ) {
    this.#state = state;
    this.#settings = settings;
  }

  /** What the loss is multiplied with. */
  get scale(): number {
    return this.#state.scale;
  }

  /** Divides the gradients of the scaled loss by the scale. False when one of them is not finite: skip the step. */
  unscale(gradients: Float32Array): boolean {
    const inverse = Math.fround(1 / this.#state.scale);
    let isFinite = true;
    for (let i = 0; i < gradients.length; i++) {
      const gradient = (gradients[i] ?? 0) * inverse;
      gradients[i] = gradient;
      isFinite &&= Number.isFinite(gradient);
    }
    return isFinite;
  }

  /** After every step, taken or skipped: `finite` is what unscale said. */
  update(finite: boolean): void {
    const { growthFactor, backoffFactor, growthInterval } = this.#settings;
    const { scale, growthTracker } = this.#state;
    if (!finite) this.#state = { scale: Math.fround(scale * backoffFactor), growthTracker: 0 };
    else if (growthTracker + 1 < growthInterval) this.#state = { scale, growthTracker: growthTracker + 1 };
    else {
      // The scale is a float32 in torch; one that would overflow stays.
      const grown = Math.fround(scale * growthFactor);
      this.#state = { scale: Number.isFinite(grown) ? grown : scale, growthTracker: 0 };
    }
  }

  /** For a checkpoint; a scaler made from it goes on as this one would. */
  state(): LossScale {
    return this.#state;
  }

  restore(state: LossScale): void {
    this.#state = state;
  }
}
