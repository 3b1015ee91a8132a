// Lion (Chen et al. 2023, arXiv:2302.06675) as bitsandbytes' Lion with 32 bits, which is what `optim: lion_32bit` gives
// in transformers, with adam_beta1 and adam_beta2 for its betas.
import { elementsOf, type UpdateRule } from './update-rule.ts';

/**
 *     p <- (1 - lr decay) p - lr sign(beta1 m + (1 - beta1) g)
 *     m <- beta2 m + (1 - beta2) g
 */
export function lion({ beta1, beta2 }: { beta1: number; beta2: number }): UpdateRule {
  return (shape) => {
    const momentum = new Float32Array(elementsOf(shape));
    return {
      tensors: { state1: { shape, data: momentum } },
      update: (parameter, gradient, { learningRate, gradientScale, weightDecay }) => {
        const kept = 1 - learningRate * weightDecay;
        for (let i = 0; i < parameter.length; i++) {
          const g = (gradient[i] ?? 0) * gradientScale;
          const m = momentum[i] ?? 0;
          parameter[i] = kept * (parameter[i] ?? 0) - learningRate * Math.sign(beta1 * m + (1 - beta1) * g);
          momentum[i] = beta2 * m + (1 - beta2) * g;
        }
      },
    };
  };
}
