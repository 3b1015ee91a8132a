// AdamW (Loshchilov and Hutter 2019, arXiv:1711.05101), as PyTorch's torch.optim.AdamW computes it.
import { elementsOf, type UpdateRule, type UpdateScalars } from './update-rule.ts';

export type AdamSettings = { beta1: number; beta2: number; epsilon: number };

/**
 *     m <- beta1 m + (1 - beta1) g,  v <- beta2 v + (1 - beta2) g^2
 *     p <- (1 - lr decay) p - lr / (1 - beta1^t) * m / (sqrt(v) / sqrt(1 - beta2^t) + epsilon)
 */
export function adamW(settings: AdamSettings): UpdateRule {
  return (shape) => {
    const [first, second] = [new Float32Array(elementsOf(shape)), new Float32Array(elementsOf(shape))];
    return {
      tensors: { exp_avg: { shape, data: first }, exp_avg_sq: { shape, data: second } },
      update: (parameter, gradient, scalars) => {
        move({ parameter, gradient, first, second }, adamFactors(settings, scalars));
      },
    };
  };
}

export type AdamFactors = AdamSettings & {
  gradientScale: number;
  /** lr / (1 - beta1^t) */
  stepSize: number;
  /** sqrt(1 - beta2^t) */
  secondCorrection: number;
  /** 1 - lr decay */
  kept: number;
};

/** What is the same for all elements of a step. */
export function adamFactors(settings: AdamSettings, scalars: UpdateScalars): AdamFactors {
  const { learningRate, step, gradientScale, weightDecay } = scalars;
  return {
    ...settings,
    gradientScale,
    stepSize: learningRate / (1 - settings.beta1 ** step),
    secondCorrection: Math.sqrt(1 - settings.beta2 ** step),
    kept: 1 - learningRate * weightDecay,
  };
}

type Vectors = Record<'parameter' | 'gradient' | 'first' | 'second', Float32Array>;

function move({ parameter, gradient, first, second }: Vectors, factors: AdamFactors): void {
  const { beta1, beta2, epsilon, gradientScale, stepSize, secondCorrection, kept } = factors;
  for (let i = 0; i < parameter.length; i++) {
    const g = (gradient[i] ?? 0) * gradientScale;
    const m = beta1 * (first[i] ?? 0) + (1 - beta1) * g;
    const v = beta2 * (second[i] ?? 0) + (1 - beta2) * g * g;
    first[i] = m;
    second[i] = v;
    parameter[i] = kept * (parameter[i] ?? 0) - (stepSize * m) / (Math.sqrt(v) / secondCorrection + epsilon);
  }
}
