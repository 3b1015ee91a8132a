// The stations of the data on its way: file -> rows -> examples -> tokens -> batches.

/** One record of a file, before its meaning is known. */
export type Row = {
  values: Record<string, unknown>;
  file: string;
  /** 1-based line (text formats) or row number. */ line: number;
};

export type Message = { role: string; content: string } & Record<string, unknown>;

/** What a row means. */
export type Example =
  | { kind: 'text'; text: string }
  | { kind: 'messages'; messages: Message[]; tools?: unknown }
  | {
      /** A task and its answer, before a template says how they are written. */
      kind: 'instruction';
      system?: string;
      /** Earlier question and answer pairs. */
      history: [string, string][];
      instruction: string;
      input?: string;
      output: string;
    }
  | { kind: 'prompt-completion'; prompt: string | Message[]; completion: string | Message[]; tools?: unknown }
  | {
      kind: 'tokens';
      inputIds: number[];
      /** 1 where the token is a training target, by the row's labels. */
      trained?: number[];
      completionMask?: number[];
      assistantMasks?: number[];
    };

/** A task with its answer. */
export type AnsweredExample = Extract<Example, { kind: 'prompt-completion' | 'instruction' }>;

/** What a row means that holds a better and a worse answer to the same task. */
export type PreferenceExample =
  | { kind: 'pair'; chosen: AnsweredExample; rejected: AnsweredExample }
  | { kind: 'pair-tokens'; promptIds: number[]; chosenIds: number[]; rejectedIds: number[] };

/** A row as the model sees it. */
export type TokenizedExample = {
  /** [length] token ids, special tokens included, at most max_length of them. */
  inputIds: Int32Array;
  /** [length] 1 where the token itself is a training target (TRL: its label is not -100). The first token never is. */
  trained: Uint8Array;
};

/** Random access to tokenized rows, which may lie on disk. */
export type TokenizedDataset = {
  readonly length: number;
  /** Tokens of row i. */
  tokenCount(i: number): number;
  /** Trained tokens of row i (position 0 never counts). */
  trainedCount(i: number): number;
  read(i: number): TokenizedExample;
  /** Tells datasets of different tokens apart. */
  readonly fingerprint: string;
};

/** A preference pair as token ids; pairSequences() joins them to what the model reads. */
export type TokenizedPair = {
  promptIds: Int32Array;
  chosenIds: Int32Array;
  rejectedIds: Int32Array;
  /** Tokens at the start of the prompt that do not stand before this answer: keep_end cuts the longer side further. */
  chosenCut: number;
  rejectedCut: number;
};

/** Random access to tokenized pairs, which may lie on disk. */
export type PairDataset = {
  readonly length: number;
  /** Tokens of pair i, each part counted once. */
  counts(i: number): { prompt: number; chosen: number; rejected: number };
  read(i: number): TokenizedPair;
  /** Tells datasets of different tokens apart: what is computed once for each pair can be kept under this name. */
  readonly fingerprint: string;
};

/**
 * A batch, laid out for the graph. Rows are right-padded to `seq`. Which tokens see each other comes with the
 * batch: tokens of a row stand in depth-first order of a forest of segments, and token j is seen by the tokens
 * i with j <= i < visibleUntil[j]. Plain rows have visibleUntil = row length everywhere; packed rows the end of
 * their own segment; a shared prefix the end of its last child.
 */
export type Batch = {
  batch: number;
  seq: number;
  /** [batch * seq] */
  inputIds: Int32Array;
  /** [batch * seq] RoPE positions; restart per packed segment. */
  positionIds: Int32Array;
  /** [batch * seq] exclusive end, within the row, of the tokens that see this one. */
  visibleUntil: Int32Array;
  /** [labels] flat index row * seq + position of each hidden state that predicts a label; may repeat. */
  labelRows: Int32Array;
  /** [labels] the token to predict there. */
  labelIds: Int32Array;
  /** Sums that labels join: one in fine-tuning, one for each answer of a preference. */
  sequences: number;
  /** [sequences, labels] how often a label counts in a sum. */
  membership: Float32Array;
  /** Tokens of the rows; those of a shared prefix count for every row. */
  tokenCount: number;
  /** [labels] what the log-likelihood of a label is multiplied with before it joins a sum; absent: 1. */
  labelDiscounts?: Float32Array;
  /** Inputs of the objective's own, by name. */
  extra?: ReadonlyMap<string, { dims: readonly number[]; data: Float32Array }>;
};
