// How large the rows of a dataset are, after max_length: what the memory and the time of a step follow from.
import type { PairDataset, TokenizedDataset } from './types.ts';

/** Tokens. Of a pair, a row is its longer answer with the prompt, and its labels are those of both answers. */
export type RowSizes = {
  rows: number;
  mean: number;
  longest: number;
  meanLabels: number;
  mostLabels: number;
  /** Of pairs: a prompt with both answers behind it, and the shortest prompt. */
  joined?: { mean: number; longest: number; shortestPrompt: number };
};

export function rowSizes(dataset: Pick<TokenizedDataset, 'length' | 'tokenCount' | 'trainedCount'>): RowSizes {
  const [tokens, labels] = [new Sizes(), new Sizes()];
  for (let i = 0; i < dataset.length; i++) {
    tokens.add(dataset.tokenCount(i));
    labels.add(dataset.trainedCount(i));
  }
  return sizes(dataset.length, tokens, labels);
}

export function pairSizes(dataset: Pick<PairDataset, 'length' | 'counts'>): RowSizes {
  const [tokens, labels, joined] = [new Sizes(), new Sizes(), new Sizes()];
  let shortestPrompt = Infinity;
  for (let i = 0; i < dataset.length; i++) {
    const { prompt, chosen, rejected } = dataset.counts(i);
    tokens.add(prompt + Math.max(chosen, rejected));
    labels.add(chosen + rejected);
    joined.add(prompt + chosen + rejected);
    shortestPrompt = Math.min(shortestPrompt, prompt);
  }
  return {
    ...sizes(dataset.length, tokens, labels),
    joined: { mean: joined.mean, longest: joined.most, shortestPrompt: dataset.length === 0 ? 0 : shortestPrompt },
  };
}

const sizes = (rows: number, tokens: Sizes, labels: Sizes): RowSizes => ({
  rows,
  mean: tokens.mean,
  longest: tokens.most,
  meanLabels: labels.mean,
  mostLabels: labels.most,
});

class Sizes {
  #sum = 0;
  #count = 0;
  most = 0;

  add(value: number): void {
    this.#sum += value;
    this.#count += 1;
    this.most = Math.max(this.most, value);
  }

  get mean(): number {
    return this.#sum / Math.max(1, this.#count);
  }
}
