// Whole SFT runs against TRL's SFTTrainer on a real checkpoint: what every step logs, from files to metrics, and the
// adapter at the end.
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadDataset } from '../../main/data/load-dataset.ts';
import { loadTokenizer } from '../../main/data/tokenizer.ts';
import { sftDataOptions } from '../../main/training/methods/sft.ts';
import { goldensFolder, readJson } from '../support/goldens.ts';
import { sharedData } from '../support/shared-data.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { expectTrlLogits, expectTrlRun, storiesModel, trlRecipe } from '../support/trl-run.ts';

const goldens = join(goldensFolder, 'trl-sft');
const work = tempFolder().path;

const runs = [
  'full',
  'full-accumulation-8',
  'full-linear',
  'completion',
  'completion-accumulation-8',
  'completion-all-tokens',
  'completion-dft',
  'completion-keep-end',
  'packed',
  'packed-accumulation-8',
  'packed-completion',
];
const conversations = ['assistant-only', 'assistant-only-accumulation-8', 'conversations-all-tokens'];

type RowTokens = { input_ids: number[]; trained: number[] };
const tokensOf = (name: string): RowTokens[] => readJson(join(goldens, `${name}-tokens.json`)) as RowTokens[];

describe.skipIf(sharedData === undefined)('like TRL', () => {
  test.each([...runs, ...conversations])(
    '%s: every logged step, and the adapter at the end',
    { timeout: 120_000 },
    async (name) => {
      const adapter = await expectTrlRun('sft', name, join(work, name));
      await expectTrlLogits('sft', name, adapter, tokensOf('full')[0]?.input_ids ?? []);
    },
  );

  test('packed in lean mode', { timeout: 120_000 }, async () => {
    await expectTrlRun('sft', 'packed', join(work, 'lean'), { gradient_checkpointing: true });
  });

  test.each(['full', 'completion'])('%s: the same tokens and targets', async (name) => {
    const recipe = trlRecipe('sft', name);
    if (recipe.method !== 'sft') throw new Error('not sft');
    const tokenizer = loadTokenizer(storiesModel);
    const { dataset } = await loadDataset(
      sftDataOptions(recipe, recipe.dataset_name, join(work, 'tokens')),
      tokenizer,
      {
        onProgress: () => undefined,
        signal: new AbortController().signal,
      },
    );
    const expected = tokensOf(name);
    const ours = Array.from({ length: dataset.length }, (_, i) => dataset.read(i));
    expect(ours.map(({ inputIds }) => [...inputIds])).toEqual(expected.map((row) => row.input_ids));
    // The first token has nothing before it to be predicted from; TRL labels it and drops it in the shift.
    expect(ours.map(({ trained }) => [...trained.subarray(1)])).toEqual(expected.map((row) => row.trained.slice(1)));
  });
});
