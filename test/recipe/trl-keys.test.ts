// Against TRL's own dataclasses (test/parity/trl_keys_goldens.py): which keys there are, and what they are by default.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parseRecipe } from '../../main/recipe/parse.ts';
import { keysOf, METHODS, methods, type Method } from '../../main/recipe/recipe.ts';

const base = { model_name_or_path: 'm', dataset_name: 'd.jsonl', use_peft: true };

const trlKeys = (method: Method): Record<string, unknown> => {
  const golden = new URL(`../goldens/trl-keys/${method}.json`, import.meta.url);
  return JSON.parse(readFileSync(golden, 'utf8')) as Record<string, unknown>;
};

/** Where our default is not TRL's, and why. docs/recipe.md says the same. */
const DIFFERENCES: Record<string, [trl: unknown, ours: unknown]> = {
  // TRL's null becomes bfloat16 wherever it can, and its false for fp16 is overruled by nothing.
  bf16: [null, 'auto'],
  fp16: [false, 'auto'],
  // It costs time, which is worth it only where memory is short.
  gradient_checkpointing: [true, false],
  // The same arithmetic.
  optim: ['adamw_torch_fused', 'adamw_torch'],
  // Other ways to write "none".
  report_to: ['none', []],
  lr_scheduler_kwargs: [null, {}],
  // TRL's is the name that Trackio is told; ours leaves it to the tracker.
  project: ['huggingface', undefined],
};

/** CPOTrainer has several methods, of which SimPO is not the first. */
const OF_METHOD: Partial<Record<Method, typeof DIFFERENCES>> = { simpo: { loss_type: ['sigmoid', 'simpo'] } };

test.each(METHODS)('every key of trl %s is known', (method) => {
  const keys = Object.keys(trlKeys(method));
  expect(keys.length).toBeGreaterThan(140);
  // Null asks for nothing, so only a key that is not known at all is refused.
  const asked = Object.fromEntries(keys.filter((key) => key !== 'max_length').map((key) => [key, null]));
  expect(parseRecipe<Method>(method, { ...asked, ...base }).notes).toEqual([]);
});

test.each(METHODS)('every key of %s that TRL does not know is listed as ours', (method) => {
  const theirs = trlKeys(method);
  expect(keysOf(method).filter((key) => !(key in theirs) && key !== 'method')).toEqual(
    keysOf(method).filter((key) => methods[method].ownKeys.includes(key)),
  );
});

test.each(METHODS)('defaults are those of trl %s, but for the known differences', (method) => {
  const recipe: Record<string, unknown> = { ...parseRecipe<Method>(method, base).recipe };
  const theirs = trlKeys(method);
  for (const key of keysOf(method).filter((one) => one in theirs && !(one in base))) {
    const [trl, ours] = OF_METHOD[method]?.[key] ?? DIFFERENCES[key] ?? [theirs[key], theirs[key] ?? undefined];
    expect(theirs[key], `TRL's ${key}`).toEqual(trl);
    // max_length is the one key where null is a value.
    expect(recipe[key], `our ${key}`).toEqual(ours);
  }
});

test.each(METHODS)('what trl %s does by default is never refused', (method) => {
  const given = Object.fromEntries(
    Object.entries(trlKeys(method)).filter(
      ([key]) => !(key in base) && key !== 'datasets' && !(key in (OF_METHOD[method] ?? {})),
    ),
  );
  expect(Object.keys(given).length).toBeGreaterThan(140);
  expect(parseRecipe<Method>(method, { ...given, ...base }).recipe).toMatchObject({ method, seed: 42 });
});
