// The data of a draft, as a window looks at it: what the files hold, and, with the model's tokenizer, every row as tokens
// on the disk, which a run then finds there. Done by errands; shown-rows.ts gives the rows out page by page.
import { homedir } from 'node:os';
import { basename } from 'node:path';
import type { DataDraft, DataSettings, FilesLookedAt, TokenizedData } from '../../preload/contract.ts';
import { loadDataset } from '../data/load-dataset.ts';
import { loadPreferences } from '../data/load-preferences.ts';
import { lookAtFiles } from '../data/look-at-files.ts';
import { pairSizes, type RowSizes, rowSizes } from '../data/row-sizes.ts';
import { writePieceTable } from '../data/piece-table.ts';
import type { UserError } from '../errors.ts';
import { parseRecipe } from '../recipe/parse.ts';
import { keysOf, methods, type Method, type Recipe } from '../recipe/recipe.ts';
import { preferenceOptions } from '../training/methods/pairs.ts';
import { sftDataOptions } from '../training/methods/sft.ts';
import type { App } from './app.ts';
import { chainRuns } from './chain-runs.ts';
import { methodNamed, valuesOverPreset } from './method-named.ts';
import { tokenizerOf } from './preview.ts';
import { absolute, resolveRecipe } from './resolve-recipe.ts';

/** The keys that decide what rows become. The others may be half-way in a draft, and are looked at later. */
const DATA_KEYS = [
  'model_name_or_path',
  'adapter_name_or_path',
  'dataset_name',
  'dataset_train_split',
  'dataset_text_field',
  'chat_template_path',
  'columns',
  'template',
  'eos_token',
  'completion_only_loss',
  'assistant_only_loss',
  'max_length',
  'truncation_mode',
  'packing',
  'packing_strategy',
];

const EVALUATION_KEYS = ['test_split_size', 'eval_dataset_name', 'eval_strategy', 'eval_on_start'];

/** A draft's values over those of its preset, of the keys in question. */
function valuesOf(draft: DataDraft, keys: readonly string[]): Record<string, unknown> {
  const known = new Set(keysOf(methodNamed(draft.method)));
  return Object.fromEntries(
    Object.entries(valuesOverPreset(draft)).filter(([key]) => keys.includes(key) && known.has(key)),
  );
}

/** A key's value in the draft, its preset or by default; the default too where the draft's cannot be. */
function valueOf(method: Method, values: Record<string, unknown>, key: string): unknown {
  const field = methods[method].shape[key];
  const given = field?.safeParse(values[key]);
  return given?.success === true ? given.data : field?.safeParse(undefined).data;
}

/** What the draft says of its data; values that cannot be are passed over. */
export function dataSettings(draft: DataDraft): DataSettings {
  const method = methodNamed(draft.method);
  const values = valuesOf(draft, [...DATA_KEYS, ...EVALUATION_KEYS]);
  const setting = (key: string) => valueOf(method, values, key);
  return {
    template: setting('template') as DataSettings['template'],
    maxLength: setting('max_length') as number | null,
    completionOnlyLoss: (setting('completion_only_loss') as boolean | undefined) ?? null,
    assistantOnlyLoss: setting('assistant_only_loss') === true,
    testSplitSize: (setting('test_split_size') as number | undefined) ?? null,
    evalFiles: (setting('eval_dataset_name') as string[] | undefined) ?? [],
    evaluates: setting('eval_strategy') !== 'no' || setting('eval_on_start') === true,
  };
}

/** The draft's files to train on, as it names them. */
export function filesOfDraft(draft: DataDraft): string[] {
  const files = valueOf(methodNamed(draft.method), valuesOf(draft, DATA_KEYS), 'dataset_name');
  return (files as string[] | undefined) ?? [];
}

/** What of the draft decides about rows and tokens, as a recipe. Throws UserError. */
export function dataRecipe(draft: DataDraft): Recipe {
  return parseRecipe<Method>(methodNamed(draft.method), valuesOf(draft, DATA_KEYS)).recipe;
}

/** Reads the first rows of the draft's files. Throws UserError. */
export async function lookAtDraft(draft: DataDraft): Promise<FilesLookedAt> {
  const method = methodNamed(draft.method);
  const values = valuesOf(draft, DATA_KEYS);
  const setting = (key: string) => valueOf(method, values, key);
  const { files, columns, rows, pairs } = await lookAtFiles({
    files: filesOfDraft(draft).map((file) => absolute(file, homedir())),
    columns: setting('columns') as Record<string, string> | undefined,
    datasetTextField: (setting('dataset_text_field') as string | undefined) ?? 'text',
    template: setting('template') as 'model',
  });
  const told = ({ shape, problem }: { shape: typeof rows.shape; problem: UserError | null }) => ({
    shape,
    problem: problem?.toWindow() ?? null,
  });
  return { files, columns, rows: told(rows), pairs: told(pairs) };
}

/** Tokenizes the draft's files. Throws UserError. */
export async function tokenizeDraft(
  app: App,
  draft: DataDraft,
  onProgress: (progress: { done: number; total: number }) => void,
): Promise<TokenizedData> {
  const chain = chainRuns(app, dataRecipe(draft));
  const recipe = await resolveRecipe(chain.recipe, homedir(), chain);
  const tokenizer = tokenizerOf(chain, recipe);
  const { cache } = app.home;
  // The next move of max_length need not tokenize again.
  const hooks = { onProgress, keepWhole: true };
  const { report, folder, ...found } =
    recipe.method === 'sft'
      ? measured(
          await loadDataset(sftDataOptions(recipe, recipe.dataset_name, cache, recipe.packing), tokenizer, hooks),
          rowSizes,
        )
      : measured(
          await loadPreferences(preferenceOptions(recipe, recipe.dataset_name, cache), tokenizer, hooks),
          pairSizes,
        );
  return {
    rows: { store: basename(folder), pieces: writePieceTable(cache, tokenizer) },
    kind: recipe.method === 'sft' ? 'rows' : 'pairs',
    report,
    ...found,
    hasChatTemplate: tokenizer.chatTemplate !== undefined,
    maxLength: recipe.max_length,
  };
}

/** What is told of a dataset, which is closed. */
function measured<Dataset extends { length: number; lengths: TokenizedData['lengths']; close(): void }, Rest>(
  { dataset, ...rest }: { dataset: Dataset } & Rest,
  sizesOf: (dataset: Dataset) => RowSizes,
) {
  const { length, lengths } = dataset;
  const sizes = sizesOf(dataset);
  dataset.close();
  return { ...rest, length, lengths, sizes };
}
