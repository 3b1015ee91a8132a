// What a recipe says of memory as a whole.
import type { SharedRecipe } from './shared-keys.ts';

/**
 * Whether to save memory where it costs time: lean keeps weights mapped from their file and decodes them at each use.
 * Who loads a model in four bits must not get decoded copies of it.
 */
export function memoryOf(recipe: Pick<SharedRecipe, 'gradient_checkpointing' | 'load_in_4bit'>): 'fast' | 'lean' {
  return recipe.gradient_checkpointing || recipe.load_in_4bit ? 'lean' : 'fast';
}
