// What may be asked of a model, and in which ranges. Answering is left to generate.ts, which loads the engine.
import { UserError } from '../errors.ts';
import type { RoundedBase } from '../training/four-bit.ts';

export const PROMPT_TEMPLATES = ['model', 'chatml', 'alpaca', 'none'] as const;

export type GenerateRequest = {
  model: string;
  adapter?: string | undefined;
  prompt: string;
  /** model: as a user's message, where the model has a chat template; chatml: as one in ChatML; alpaca: as an instruction; none: to continue. */
  template: (typeof PROMPT_TEMPLATES)[number];
  maxNewTokens: number;
  temperature: number;
  topP: number;
  seed: number;
  device: string;
  /** How the base model is rounded; unset: it answers as it is stored. */
  rounded?: RoundedBase | undefined;
  signal?: AbortSignal | undefined;
};

/** Throws UserError "option-value". */
export function checkRanges({ maxNewTokens, temperature, topP, seed }: GenerateRequest): void {
  const problems: [boolean, string, number, string][] = [
    [Number.isInteger(maxNewTokens) && maxNewTokens > 0, 'max_new_tokens', maxNewTokens, 'a whole number, at least 1'],
    [temperature >= 0 && Number.isFinite(temperature), 'temperature', temperature, 'a number of 0 (greedy) or more'],
    [topP > 0 && topP <= 1, 'top_p', topP, 'a number above 0 and at most 1'],
    [Number.isInteger(seed) && seed >= 0, 'seed', seed, 'a whole number of 0 or more'],
  ];
  for (const [isGood, key, value, allowed] of problems) {
    if (isGood) continue;
    throw new UserError({
      code: 'option-value',
      message: `${key} is ${value}; it must be ${allowed}.`,
      fix: `Correct ${key}.`,
    });
  }
}
