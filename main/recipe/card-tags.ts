// What a model card's front matter says of the method, in the words that people search for.
import type { Recipe } from './recipe.ts';

/** The method, and for preferences which loss. */
export function cardTags(recipe: Recipe): string[] {
  return recipe.method === 'dpo' ? ['dpo', ...recipe.loss_type] : [recipe.method];
}
