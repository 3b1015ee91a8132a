// Direct preference optimisation (Rafailov et al. 2023, arXiv:2305.18290) and its relatives: pairs of answers, compared
// with what the model said of them before training.
import type { Metrics } from '../../../preload/contract.ts';
import { layOut } from '../../data/forest.ts';
import { loadPreferences, type PreferenceOptions } from '../../data/load-preferences.ts';
import { pairSequences } from '../../data/pair.ts';
import type { DataReport } from '../../data/report.ts';
import { splitPairs } from '../../data/split-dataset.ts';
import type { Batch, PairDataset } from '../../data/types.ts';
import { dpoObjective, pairInputs } from '../../engine/losses/dpo-objective.ts';
import { pairRewards } from '../../engine/losses/pair-rewards.ts';
import type { DpoRecipe } from '../../recipe/dpo-recipe.ts';
import { scoreColumns } from '../build-step.ts';
import { referenceLogProbs } from '../reference-log-probs.ts';
import { reportProblems } from '../report-problems.ts';
import type { BatchResult } from '../stepper.ts';
import type { LoadedMethod, MethodContext, Rows } from './method.ts';

/** Pairs with the reference's log-probabilities, which are there once training begins. */
type Pairs = Rows & { readonly dataset: PairDataset; reference: Float32Array | undefined };

export async function loadDpo(recipe: DpoRecipe, context: MethodContext): Promise<LoadedMethod> {
  const { dataset, report } = await read(recipe, recipe.dataset_name, 'training', context);
  const parts = await split(recipe, dataset, context);
  const train = pairsOf(parts.train, recipe);
  const evaluation = parts.evaluation && pairsOf(parts.evaluation, recipe);
  const both = [train, ...(evaluation ? [evaluation] : [])];
  const longest = Math.max(
    1,
    ...both.map((pairs) => largest(pairs, ({ prompt, chosen, rejected }) => prompt + Math.max(chosen, rejected))),
  );
  const answers = Math.max(1, ...both.map((pairs) => largest(pairs, ({ chosen, rejected }) => chosen + rejected)));
  const stuck = new StuckAlarm();
  return {
    objective: dpoObjective(
      {
        lossTypes: recipe.loss_type,
        lossWeights: recipe.loss_weights ?? recipe.loss_type.map(() => 1),
        beta: recipe.beta,
        labelSmoothing: recipe.label_smoothing,
        fDivergenceType: recipe.f_divergence_type,
        fAlphaDivergenceCoef: recipe.f_alpha_divergence_coef,
        discopopTau: recipe.discopop_tau,
      },
      recipe.ld_alpha !== undefined,
    ),
    train,
    evaluation,
    report,
    longest,
    labelsOfBatch: (rows) => rows * answers,
    begin: async (stepper) => {
      for (const [pairs, which] of [
        [train, 'training'],
        [evaluation, 'evaluation'],
      ] as const) {
        if (!pairs) continue;
        pairs.reference = await referenceLogProbs(stepper, pairs, {
          dataset: pairs.dataset.fingerprint,
          settings: { ldAlpha: recipe.ld_alpha, startsFromAdapter: recipe.adapter_name_or_path !== undefined },
          batchSize: recipe.precompute_ref_batch_size ?? recipe.per_device_eval_batch_size,
          which,
          ...context,
        });
      }
    },
    scales: (batches) => batches.map((batch) => 1 / (pairsIn(batch) * batches.length)),
    metrics: (batch, result) => pairMetrics(batch, result, recipe.beta),
    watch: (loss, metrics) => stuck.hear(loss, metrics['rewards/margins'] ?? Number.NaN),
  };
}

/** How the data folder is asked for a recipe's pairs. */
export function preferenceOptions(recipe: DpoRecipe, files: string[], cacheDir: string): PreferenceOptions {
  return {
    files,
    ...(recipe.columns === undefined ? {} : { columns: recipe.columns }),
    template: recipe.template,
    maxLength: recipe.max_length,
    truncationMode: recipe.truncation_mode,
    ...(recipe.eos_token === undefined ? {} : { eosToken: recipe.eos_token }),
    cacheDir,
  };
}

async function read(
  recipe: DpoRecipe,
  files: string[],
  which: 'training' | 'evaluation',
  { tokenizer, cacheDir, post, signal }: MethodContext,
): Promise<{ dataset: PairDataset; report: DataReport }> {
  const phase = `Reading the ${which} pairs`;
  const loaded = await loadPreferences(preferenceOptions(recipe, files, cacheDir), tokenizer, {
    onProgress: ({ done, total }) => {
      post({ type: 'progress', phase, done, total });
    },
    signal,
  });
  reportProblems(loaded.report, phase, post);
  return loaded;
}

async function split(
  recipe: DpoRecipe,
  dataset: PairDataset,
  context: MethodContext,
): Promise<{ train: PairDataset; evaluation: PairDataset | undefined }> {
  if (recipe.eval_dataset_name !== undefined) {
    const { dataset: evaluation } = await read(recipe, recipe.eval_dataset_name, 'evaluation', context);
    return { train: dataset, evaluation };
  }
  if (recipe.test_split_size !== undefined) return splitPairs(dataset, recipe.test_split_size, recipe.seed);
  return { train: dataset, evaluation: undefined };
}

function pairsOf(dataset: PairDataset, recipe: DpoRecipe): Pairs {
  const pairs: Pairs = {
    dataset,
    reference: undefined,
    length: dataset.length,
    lengths: Array.from({ length: dataset.length }, (_, i) => {
      const { prompt, chosen, rejected } = dataset.counts(i);
      return prompt + Math.max(chosen, rejected);
    }),
    batch: (rows) => {
      const read = Array.from(rows, (row) => dataset.read(row));
      const count = read.length;
      const rowsOfPairs = read.map((pair, i) => {
        const { chosen, rejected } = pairSequences(pair);
        return [
          { ...chosen, sequence: i },
          { ...rejected, sequence: count + i },
        ];
      });
      const sharePrefixes = recipe.share_prefixes === 'auto';
      const bins = sharePrefixes ? rowsOfPairs : rowsOfPairs.flat().map((row) => [row]);
      const batch = layOut(bins, { sequences: 2 * count, sharePrefixes });
      const lengths = (which: 'chosenIds' | 'rejectedIds') => Float32Array.from(read, (pair) => pair[which].length);
      const reference = (offset: 0 | 1) => Float32Array.from(rows, (row) => pairs.reference?.[2 * row + offset] ?? 0);
      const vector = (data: Float32Array) => ({ dims: [count], data });
      return {
        ...batch,
        ...(recipe.ld_alpha === undefined ? {} : { labelDiscounts: discountsOf(batch, recipe.ld_alpha) }),
        extra: new Map([
          [pairInputs.refChosen, vector(reference(0))],
          [pairInputs.refRejected, vector(reference(1))],
          [pairInputs.chosenLength, vector(lengths('chosenIds'))],
          [pairInputs.rejectedLength, vector(lengths('rejectedIds'))],
        ]),
      };
    },
  };
  return pairs;
}

/** LD-DPO (arXiv:2409.06411): tokens past the length of the shorter answer count `alpha`. */
function discountsOf(batch: Batch, alpha: number): Float32Array {
  const labels = batch.labelRows.length;
  const pairs = pairsIn(batch);
  const discounts = new Float32Array(labels).fill(1);
  const members = Array.from({ length: batch.sequences }, (_, s) =>
    Array.from({ length: labels }, (_, label) => label).filter(
      (label) => (batch.membership[s * labels + label] ?? 0) > 0,
    ),
  );
  for (let pair = 0; pair < pairs; pair++) {
    const [chosen = [], rejected = []] = [members[pair], members[pairs + pair]];
    const sharedLength = Math.min(chosen.length, rejected.length);
    for (const side of [chosen, rejected]) for (const label of side.slice(sharedLength)) discounts[label] = alpha;
  }
  return discounts;
}

function pairsIn(batch: Batch): number {
  return batch.sequences / 2;
}

/** TRL's: rewards and log-probabilities are means over pairs, the others over tokens. */
function pairMetrics(batch: Batch, { scores }: BatchResult, beta: number): Metrics {
  const pairs = pairsIn(batch);
  const columns = scores.length / batch.sequences;
  const labels = batch.labelRows.length;
  const column = (which: number, from: number): Float32Array =>
    Float32Array.from({ length: pairs }, (_, i) => scores[(from + i) * columns + which] ?? Number.NaN);
  const logProbs = (from: number): Float32Array => column(scoreColumns.nll, from).map((nll) => -nll);
  const sum = (values: Float32Array): number => values.reduce((a, b) => a + b, 0);
  const tokens = (from: number): number => sum(batch.membership.subarray(from * labels, (from + pairs) * labels));
  const mean = (which: number, from: number): number => sum(column(which, from)) / tokens(from);
  const entropy = sum(column(scoreColumns.entropy, 0)) + sum(column(scoreColumns.entropy, pairs));
  return {
    ...pairRewards(beta, {
      chosen: logProbs(0),
      rejected: logProbs(pairs),
      refChosen: batch.extra?.get(pairInputs.refChosen)?.data ?? [],
      refRejected: batch.extra?.get(pairInputs.refRejected)?.data ?? [],
    }),
    'logits/chosen': mean(scoreColumns.meanLogit, 0),
    'logits/rejected': mean(scoreColumns.meanLogit, pairs),
    mean_token_accuracy: mean(scoreColumns.hits, 0),
    entropy: entropy / (tokens(0) + tokens(pairs)),
  };
}

function largest({ dataset }: Pairs, of: (counts: ReturnType<PairDataset['counts']>) => number): number {
  let most = 1;
  for (let i = 0; i < dataset.length; i++) most = Math.max(most, of(dataset.counts(i)));
  return most;
}

/** Notices that nothing is learned: the margin stays at 0, or the loss at ln 2, which is where it starts. */
class StuckAlarm {
  #still = 0;
  #told = false;

  /** Once, after 50 steps in a row. */
  hear(loss: number, margin: number): string | undefined {
    const stuck = Math.abs(margin) < 1e-4 || Math.abs(loss - Math.LN2) < 1e-5;
    this.#still = stuck ? this.#still + 1 : 0;
    if (this.#still < stuckSteps || this.#told) return undefined;
    this.#told = true;
    return (
      `For ${stuckSteps} steps the model has not told chosen from rejected answers (rewards/margins ${margin.toExponential(1)}, ` +
      `loss ${loss.toFixed(4)}). Raise learning_rate, check that the columns are not swapped or alike, or look at the pairs with lorelei preview.`
    );
  }
}

const stuckSteps = 50;
