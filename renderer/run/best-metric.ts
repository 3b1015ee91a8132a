// Which evaluation a run calls its best, by its recipe: as main/recipe/evaluation.ts and transformers' Trainer have it.

export function bestMetricOf(recipe: Record<string, unknown>): { metric: string; greaterIsBetter: boolean } {
  const { metric_for_best_model: named, greater_is_better: greater } = recipe;
  const name = (typeof named === 'string' ? named : 'loss').replace(/^eval_/, '');
  return { metric: `eval_${name}`, greaterIsBetter: typeof greater === 'boolean' ? greater : !name.endsWith('loss') };
}
