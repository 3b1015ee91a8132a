// What a kind of training makes of its rows: examples, then whole rows of tokens, then what max_length leaves of them.
import type { ShapeFinder } from './detect-shape.ts';
import type { ProblemKind } from './problems.ts';
import type { ReportBuilder } from './report.ts';
import type { RowStoreWriter } from './row-store.ts';
import type { TextTokenizer } from './tokenizer.ts';
import type { ExampleWriter } from './write-example.ts';

/** A row that is left out, and why. */
export type LeftOut = { kind: ProblemKind; message: string };

/** What max_length makes of a row. */
export type CutRow = {
  /** Before max_length. */
  fullLength: number;
  /** How max_length cut it. */
  truncation?: string | undefined;
} & (StoredForm | LeftOut);

/** A row that is kept, in the form in which it is stored, with its counts. */
export type StoredForm = Words & { tokens: number; trainedTokens: number };

export type Words = { words: Uint32Array; numbers: number[] };

export type RowKind<E, Whole extends object, Dataset> = {
  /** Name of its stores in the cache. */
  name: string;
  /** Settings, besides those of the source, that whole rows depend on, and those that cut them. */
  settings: unknown;
  cutting: unknown;
  findShape: ShapeFinder<E>;
  /** Throws RowProblem, TemplateRefusal (the row), UserError (the dataset). */
  tokenize: (
    example: E,
    tools: { tokenizer: TextTokenizer; writer: ExampleWriter; note: (message: string) => void },
  ) => Whole | LeftOut;
  cut: (whole: Whole) => CutRow;
  whole: {
    numbersPerRow: number;
    pack: (whole: Whole) => Words;
    unpack: (words: Uint32Array, number: (which: number) => number) => Whole;
  };
  createStore: (folder: string) => RowStoreWriter;
  openStore: (folder: string) => { dataset: Dataset; report: unknown } | undefined;
  /** What to do where no row is left. */
  advice: (report: ReportBuilder) => string;
};
