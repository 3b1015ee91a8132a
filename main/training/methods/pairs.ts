// What every method on pairs of answers has in common: reading them, laying them out, and what their scores say.
import type { Metrics } from '../../../preload/contract.ts';
import { type ForestRow, layOut } from '../../data/forest.ts';
import { loadPreferences, type PreferenceOptions } from '../../data/load-preferences.ts';
import { pairSequences } from '../../data/pair.ts';
import type { DataReport } from '../../data/report.ts';
import { splitPairs } from '../../data/split-dataset.ts';
import type { Batch, PairDataset } from '../../data/types.ts';
import { pairRewards } from '../../engine/losses/pair-rewards.ts';
import { nllTokensName, type PairSide, pairSides } from '../../engine/losses/pair-sums.ts';
import type { SharedRecipe } from '../../recipe/shared-keys.ts';
import { scoreColumns } from '../build-step.ts';
import type { BatchResult } from '../stepper.ts';
import type { MethodContext, Rows } from './method.ts';
import { readRows, type RowSource } from './read-rows.ts';

/** Rows whose batches hold the sums of pair-sums.ts. */
export type Pairs = Rows & { readonly dataset: PairDataset };

export type LoadedPairs = {
  train: Pairs;
  evaluation: Pairs | undefined;
  report: DataReport;
  longest: number;
  labelsOfBatch(rows: number): number;
  partOf: (part: Batch, whole: Batch) => Batch;
};

/** With prompts, those before the chosen answers are labels as well, in sums of their own. */
export async function loadPairs(
  recipe: SharedRecipe,
  context: MethodContext,
  { withPrompts }: { withPrompts: boolean },
): Promise<LoadedPairs> {
  const source: RowSource<PairDataset> = {
    name: 'pairs',
    load: (files, _which, hooks) =>
      loadPreferences(preferenceOptions(recipe, files, context.cacheDir), context.tokenizer, hooks),
    split: splitPairs,
  };
  const { train, evaluation, report } = await readRows(recipe, source, context);
  const layout = { sharePrefixes: recipe.share_prefixes === 'auto', withPrompts };
  const labels = ({ prompt, chosen, rejected }: Counts): number => chosen + rejected + (withPrompts ? prompt : 0);
  const both = [train, ...(evaluation ? [evaluation] : [])];
  const mostLabels = Math.max(...both.map((pairs) => largest(pairs, labels)));
  return {
    train: pairsOf(train, layout),
    evaluation: evaluation && pairsOf(evaluation, layout),
    report,
    longest: Math.max(...both.map((pairs) => largest(pairs, longerRow))),
    labelsOfBatch: (rows) => rows * mostLabels,
    partOf: (part, whole) => withNllTokens(part, (nllTokensOf(whole) * part.sequences) / whole.sequences),
  };
}

/** How the data folder is asked for a recipe's pairs. */
export function preferenceOptions(recipe: SharedRecipe, files: string[], cacheDir: string): PreferenceOptions {
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

type Layout = { sharePrefixes: boolean; withPrompts: boolean };

function pairsOf(dataset: PairDataset, layout: Layout): Pairs {
  return {
    dataset,
    length: dataset.length,
    lengths: Array.from({ length: dataset.length }, (_, i) => longerRow(dataset.counts(i))),
    batch: (rows) => batchOfPairs(dataset, rows, layout),
  };
}

function batchOfPairs(dataset: PairDataset, rows: ArrayLike<number>, { sharePrefixes, withPrompts }: Layout): Batch {
  const count = rows.length;
  const rowsOfPairs = Array.from(rows, (row, i): ForestRow[] => {
    const { chosen, rejected } = pairSequences(dataset.read(row));
    const sum = (side: PairSide): number => pairSides[side] * count + i;
    // The first token is no label: nothing predicts it.
    const prompt = chosen.trained.map((trained, position) => (trained === 1 || position === 0 ? 0 : 1));
    return [
      {
        ...chosen,
        sequence: sum('chosen'),
        ...(withPrompts && { also: { trained: prompt, sequence: sum('prompt') } }),
      },
      { ...rejected, sequence: sum('rejected') },
    ];
  });
  const bins = sharePrefixes ? rowsOfPairs : rowsOfPairs.flat().map((row) => [row]);
  const batch = layOut(bins, { sequences: (withPrompts ? 3 : 2) * count, sharePrefixes, fillPadding: true });
  const sides = withPrompts ? (['chosen', 'prompt'] as const) : (['chosen'] as const);
  const lengths = sides.map((side) => total(lengthsOf(batch, side, count)));
  return withNllTokens(
    batch,
    lengths.reduce((a, b) => a + b),
  );
}

function withNllTokens(batch: Batch, tokens: number): Batch {
  const input = { dims: [], data: Float32Array.of(tokens) };
  return { ...batch, extra: new Map([...(batch.extra ?? []), [nllTokensName, input]]) };
}

const nllTokensOf = ({ extra }: Batch): number => extra?.get(nllTokensName)?.data[0] ?? Number.NaN;

/** Labels of each pair on one side. */
function lengthsOf({ membership, labelRows: { length } }: Batch, side: PairSide, pairs: number): Float32Array {
  const from = pairSides[side] * pairs;
  return Float32Array.from({ length: pairs }, (_, i) =>
    total(membership.subarray((from + i) * length, (from + i + 1) * length)),
  );
}

type Counts = ReturnType<PairDataset['counts']>;

function longerRow({ prompt, chosen, rejected }: Counts): number {
  return prompt + Math.max(chosen, rejected);
}

function largest(dataset: PairDataset, of: (counts: Counts) => number): number {
  let most = 1;
  for (let i = 0; i < dataset.length; i++) most = Math.max(most, of(dataset.counts(i)));
  return most;
}

/** The scores of one side of each pair. */
export type SideScores = {
  /** One a pair: the sum of the log-probabilities of its labels, and how many there are. */
  logProbs: Float32Array;
  lengths: Float32Array;
  /** The same of all pairs. */
  logProb: number;
  tokens: number;
  /** Sums over all tokens. */
  hits: number;
  entropy: number;
  meanLogit: number;
};

/** What a batch of so many pairs got on one side of them. */
export function sideScores(batch: Batch, { scores }: BatchResult, side: PairSide, pairs: number): SideScores {
  const from = pairSides[side] * pairs;
  const columns = scores.length / batch.sequences;
  const perPair = (of: (sum: number) => number): Float32Array =>
    Float32Array.from({ length: pairs }, (_, i) => of(from + i));
  const column = (which: number) => perPair((sum) => scores[sum * columns + which] ?? Number.NaN);
  const logProbs = column(scoreColumns.nll).map((nll) => -nll);
  const lengths = lengthsOf(batch, side, pairs);
  return {
    logProbs,
    lengths,
    logProb: total(logProbs),
    tokens: total(lengths),
    hits: total(column(scoreColumns.hits)),
    entropy: total(column(scoreColumns.entropy)),
    meanLogit: total(column(scoreColumns.meanLogit)),
  };
}

/** TRL's, as means over tokens. */
export function answerMetrics(chosen: SideScores, rejected: SideScores): Metrics {
  return {
    'logits/chosen': chosen.meanLogit / chosen.tokens,
    'logits/rejected': rejected.meanLogit / rejected.tokens,
    mean_token_accuracy: chosen.hits / chosen.tokens,
    entropy: (chosen.entropy + rejected.entropy) / (chosen.tokens + rejected.tokens),
  };
}

/** Mean log-probability of a token of each answer: what methods without a reference compare. */
export function perTokenLogProbs({ logProbs, lengths }: SideScores): Float32Array {
  return logProbs.map((sum, i) => sum / Math.max(1, lengths[i] ?? 1));
}

/** What both trainers of TRL without a reference log: the reward is beta times the mean log-probability of a token. */
export function metricsWithoutReference(beta: number, chosen: SideScores, rejected: SideScores): Metrics {
  const none = new Float32Array(chosen.logProbs.length);
  const logProbs = { chosen: perTokenLogProbs(chosen), rejected: perTokenLogProbs(rejected) };
  return {
    ...pairRewards(beta, { ...logProbs, refChosen: none, refRejected: none }),
    ...answerMetrics(chosen, rejected),
  };
}

/** Every pair of a step weighs the same within its micro-batch, every micro-batch the same within the step. */
export function scalesOfPairs(batches: readonly Batch[], sides = 2): number[] {
  return batches.map((batch) => 1 / (pairsIn(batch, sides) * batches.length));
}

/** Pairs in a batch that holds `sides` sequences of each: chosen and rejected, and with 3 the prompt. */
export function pairsIn(batch: Batch, sides = 2): number {
  return batch.sequences / sides;
}

function total(values: Float32Array): number {
  return values.reduce((a, b) => a + b, 0);
}
