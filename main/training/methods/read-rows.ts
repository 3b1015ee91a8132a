// The rows that a recipe names, to train and to evaluate on, whatever the method makes of a row.
import type { LoadHooks } from '../../data/load-rows.ts';
import type { DataReport } from '../../data/report.ts';
import type { Split } from '../../data/split-dataset.ts';
import type { SharedRecipe } from '../../recipe/shared-keys.ts';
import { reportProblems } from '../report-problems.ts';
import type { MethodContext } from './method.ts';

/** How rows of a kind are read and parted. */
export type RowSource<Dataset> = {
  /** What a row is called, in the plural. */
  name: string;
  load(
    files: string[],
    which: 'training' | 'evaluation',
    hooks: LoadHooks,
  ): Promise<{ dataset: Dataset; report: DataReport }>;
  split(dataset: Dataset, testSplitSize: number, seed: number): Split<Dataset>;
};

/** The report is that of the training files. */
export async function readRows<Dataset>(
  recipe: SharedRecipe,
  source: RowSource<Dataset>,
  context: MethodContext,
): Promise<{ train: Dataset; evaluation: Dataset | undefined; report: DataReport }> {
  const { dataset, report } = await read(recipe.dataset_name, 'training', source, context);
  if (recipe.eval_dataset_name !== undefined) {
    const { dataset: evaluation } = await read(recipe.eval_dataset_name, 'evaluation', source, context);
    return { train: dataset, evaluation, report };
  }
  if (recipe.test_split_size !== undefined)
    return { ...source.split(dataset, recipe.test_split_size, recipe.seed), report };
  return { train: dataset, evaluation: undefined, report };
}

async function read<Dataset>(
  files: string[],
  which: 'training' | 'evaluation',
  source: RowSource<Dataset>,
  { post, signal }: MethodContext,
): Promise<{ dataset: Dataset; report: DataReport }> {
  const phase = `Reading the ${which} ${source.name}`;
  const loaded = await source.load(files, which, {
    onProgress: ({ done, total }) => {
      post({ type: 'progress', phase, done, total });
    },
    signal,
  });
  reportProblems(loaded.report, phase, post);
  return loaded;
}
