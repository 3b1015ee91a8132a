// Stochastic gradient descent as torch.optim.SGD without momentum, which is what `optim: sgd` gives in transformers.
import type { UpdateRule } from './update-rule.ts';

/**
 *     p <- p - lr (g + decay p)
 *
 * It remembers nothing.
 */
export const sgd: UpdateRule = () => ({
  tensors: {},
  update: (parameter, gradient, { learningRate, gradientScale, weightDecay }) => {
    for (let i = 0; i < parameter.length; i++) {
      const p = parameter[i] ?? 0;
      parameter[i] = p - learningRate * ((gradient[i] ?? 0) * gradientScale + weightDecay * p);
    }
  },
});
