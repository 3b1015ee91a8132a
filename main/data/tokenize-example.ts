// Example -> token ids and which of them are trained, with TRL's meaning of completion_only_loss, assistant_only_loss,
// max_length and truncation_mode.
import { UserError } from '../errors.ts';
import type { Span } from './chat-template.ts';
import { RowProblem } from './columns.ts';
import { PROMPT_CHANGES, commonPrefix, encodePrompt, encodeWritten } from './encode-written.ts';
import type { TextTokenizer } from './tokenizer.ts';
import { keptRange, type TruncationMode } from './truncation.ts';
import type { Example } from './types.ts';
import type { ExampleWriter } from './write-example.ts';

export type LossSettings = MaskSettings & CutSettings;

export type MaskSettings = {
  /** Unset: true for rows that have a completion. */
  completionOnlyLoss?: boolean | undefined;
  assistantOnlyLoss: boolean;
};

export type CutSettings = {
  /** Null: rows are never cut. */
  maxLength: number | null;
  /** Unset: keep_start. */
  truncationMode?: TruncationMode | undefined;
};

/** An array of ids as it was made, or as it was read from the disk. */
type Ids = number[] | Int32Array;

/** A row before max_length. */
export type WholeRow<Kind extends Ids = Ids> = {
  inputIds: Kind;
  /** [inputIds.length] 1 where the token is a target wherever something stands before it. */
  trained: Uint8Array;
};

export type TokenizedRow<Kind extends Ids = Ids> = {
  inputIds: Kind;
  /** [inputIds.length] 1 where the token is a target; the first never is. */
  trained: Uint8Array;
  /** Tokens before max_length cut the row. */
  fullLength: number;
};

/** Throws RowProblem, TemplateRefusal (the row), UserError (the dataset and its settings do not go together). */
export function tokenizeExample(
  example: Example,
  tokenizer: TextTokenizer,
  writer: ExampleWriter,
  settings: MaskSettings,
  note: (message: string) => void,
): WholeRow<number[]> {
  return example.kind === 'tokens'
    ? checkedTokens(example, tokenizer, settings)
    : tokenizeWritten(example, tokenizer, writer, settings, note);
}

/** What max_length leaves of a row. */
export function cutRow<Kind extends Ids>(
  { inputIds, trained }: WholeRow<Kind>,
  { maxLength, truncationMode }: CutSettings,
): TokenizedRow<Kind> {
  const { start, end } = keptRange(inputIds.length, maxLength, truncationMode);
  const kept = trained.slice(start, end);
  // Nothing stands before the first token that could predict it.
  if (kept.length > 0) kept[0] = 0;
  return { inputIds: inputIds.slice(start, end) as Kind, trained: kept, fullLength: inputIds.length };
}

type Marked = WholeRow<number[]>;

function tokenizeWritten(
  example: Exclude<Example, { kind: 'tokens' }>,
  tokenizer: TextTokenizer,
  writer: ExampleWriter,
  settings: MaskSettings,
  note: (message: string) => void,
): Marked {
  const written = writer.write(example, settings.assistantOnlyLoss);
  // What is put around the body (BOS, EOS) is not in the text: EOS belongs to the last answer.
  const { inputIds, body, offset } = encodeWritten(written, tokenizer, note);
  const trained = new Uint8Array(inputIds.length).fill(1);

  if (settings.assistantOnlyLoss) {
    if (!written.assistant) throw notConversational();
    const inside = tokensInside(written.text, body, written.assistant, tokenizer);
    for (let i = 0; i < inputIds.length; i++) {
      const closing = !written.templated && i === inputIds.length - 1 && inputIds[i] === tokenizer.eosId;
      if (!closing && inside[i - offset] !== 1) trained[i] = 0;
    }
  }
  if (written.prompt === undefined) {
    if (settings.completionOnlyLoss === true) {
      note(
        'completion_only_loss has no effect on rows without a completion; for conversations use assistant_only_loss.',
      );
    }
  } else if (settings.completionOnlyLoss ?? true) {
    const prompt = encodePrompt(written.prompt, written.templated, tokenizer);
    const common = commonPrefix(prompt, inputIds);
    trained.fill(0, 0, common);
    if (common < prompt.length) note(PROMPT_CHANGES);
  }
  return { inputIds, trained };
}

/** [ids.length] 1 for each token that reaches into one of the spans, as Hugging Face's char_to_token decides. */
function tokensInside(text: string, ids: number[], spans: Span[], tokenizer: TextTokenizer): Uint8Array {
  const inside = new Uint8Array(ids.length);
  const starts = tokenizer.locate(text, ids);
  for (const span of spans) {
    if (span.end <= span.start) continue;
    if (starts) {
      const from = Buffer.byteLength(text.slice(0, span.start));
      const to = from + Buffer.byteLength(text.slice(span.start, span.end));
      for (let i = 0; i < ids.length; i++) {
        if ((starts[i] ?? 0) < to && (starts[i + 1] ?? 0) > from) inside[i] = 1;
      }
    } else {
      // The tokens do not spell the text (Unicode normalisation, unknown characters): compare with its beginnings.
      const cut = (end: number) => commonPrefix(tokenizer.encode(text.slice(0, end), { specialTokens: false }), ids);
      inside.fill(1, cut(span.start), cut(span.end));
    }
  }
  return inside;
}

function checkedTokens(
  example: Extract<Example, { kind: 'tokens' }>,
  tokenizer: TextTokenizer,
  settings: MaskSettings,
): Marked {
  const { inputIds } = example;
  const outside = inputIds.find((id) => id < 0 || id >= tokenizer.vocabSize);
  if (outside !== undefined) {
    throw new RowProblem(
      `input_ids holds ${String(outside)}; the tokenizer has ids 0 to ${String(tokenizer.vocabSize - 1)}`,
    );
  }
  const trained = Uint8Array.from(example.trained ?? inputIds.map(() => 1));
  if (!example.trained) {
    const masks = [settings.completionOnlyLoss === false ? undefined : example.completionMask, example.assistantMasks];
    for (const mask of masks) mask?.forEach((bit, i) => (bit === 0 ? (trained[i] = 0) : undefined));
    if (settings.assistantOnlyLoss && !example.assistantMasks) throw notConversational();
  }
  return { inputIds, trained };
}

function notConversational(): UserError {
  return new UserError({
    code: 'assistant-only-loss-needs-conversations',
    message: 'assistant_only_loss is set, but the rows are not conversations: there are no assistant turns in them.',
    fix: 'Leave assistant_only_loss out. Rows of prompt and completion are trained on the completion by default.',
  });
}
