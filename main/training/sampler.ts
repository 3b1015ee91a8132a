// How a run asks for answers to its sample prompts. Decoding is generation/'s, which builds on this folder; so the job
// process brings it along.
import type { SamplePrompt } from '../../preload/contract.ts';
import type { Recipe } from '../recipe/recipe.ts';
import type { Prepared } from './prepare.ts';

export type Sampler = {
  /** The answer of the model as trained so far; greedy, so that steps can be compared. */
  answer(prompt: SamplePrompt, settings: { maxNewTokens: number; seed: number }): Promise<string>;
  dispose(): Promise<void>;
};

export type OpenSampler = (prepared: Prepared, recipe: Recipe) => Promise<Sampler>;
