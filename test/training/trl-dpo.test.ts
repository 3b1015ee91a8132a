// Whole DPO runs against TRL's DPOTrainer on a real checkpoint: every logged number of every step, and the adapter.
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadPreferences } from '../../main/data/load-preferences.ts';
import { loadTokenizer } from '../../main/data/tokenizer.ts';
import { preferenceOptions } from '../../main/training/methods/pairs.ts';
import { goldensFolder, readJson } from '../support/goldens.ts';
import { sharedData } from '../support/shared-data.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { expectTrlLogits, expectTrlRun, storiesModel, trlRecipe } from '../support/trl-run.ts';

const scratch = tempFolder().path;

const fromAnAdapter = ['sigmoid', 'ipo', 'hinge', 'robust', 'apo_zero'];
const runs = [
  ...fromAnAdapter.flatMap((name) => [name, `${name}-fresh`]),
  'accumulation-8',
  'sigmoid-sft',
  'three-losses',
  'forward-kl',
  'js-divergence',
  'alpha-divergence',
  'length-desensitised',
  'weighted',
  'keep-start',
  'keep-end',
  ...[
    'exo_pair',
    'nca_pair',
    'bco_pair',
    'sppo_hard',
    'aot',
    'aot_unpaired',
    'apo_down',
    'discopop',
    'sft',
    'sigmoid_norm',
  ],
];

type PairTokens = { prompt_ids: number[]; chosen_ids: number[]; rejected_ids: number[] };
const tokensOf = (): PairTokens[] => readJson(join(goldensFolder, 'trl-dpo', 'tokens.json')) as PairTokens[];

describe.skipIf(sharedData === undefined)('like TRL', () => {
  test.each(runs)('%s: every logged step, and the adapter at the end', { timeout: 120_000 }, async (name) => {
    const adapter = await expectTrlRun('dpo', name, join(scratch, name));
    const [first] = tokensOf();
    if (!first) throw new Error('no pairs');
    await expectTrlLogits('dpo', name, adapter, [...first.prompt_ids, ...first.chosen_ids]);
  });

  test.each(['sigmoid', 'keep-end'])(
    '%s without sharing prefixes: the same numbers from twice the prompts',
    { timeout: 120_000 },
    async (name) => {
      await expectTrlRun('dpo', name, join(scratch, `${name}-apart`), { share_prefixes: 'off' });
    },
  );

  test('sigmoid in lean mode', { timeout: 120_000 }, async () => {
    await expectTrlRun('dpo', 'sigmoid', join(scratch, 'lean'), { gradient_checkpointing: true });
  });

  test('the same tokens', async () => {
    const recipe = trlRecipe('dpo', 'sigmoid', { max_length: null });
    if (recipe.method !== 'dpo') throw new Error('not dpo');
    const options = preferenceOptions(recipe, recipe.dataset_name, join(scratch, 'tokens'));
    const { dataset } = await loadPreferences(options, loadTokenizer(storiesModel));
    const ours = Array.from({ length: dataset.length }, (_, i) => dataset.read(i));
    expect(ours.map(({ promptIds }) => [...promptIds])).toEqual(tokensOf().map((pair) => pair.prompt_ids));
    expect(ours.map(({ chosenIds }) => [...chosenIds])).toEqual(tokensOf().map((pair) => pair.chosen_ids));
    expect(ours.map(({ rejectedIds }) => [...rejectedIds])).toEqual(tokensOf().map((pair) => pair.rejected_ids));
  });
});
