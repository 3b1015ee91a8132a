// Example -> token ids and which of them are trained, with TRL's meaning of completion_only_loss, assistant_only_loss
// and max_length (keep_start).
import { UserError } from '../errors.ts';
import type { Span } from './chat-template.ts';
import { RowProblem } from './columns.ts';
import type { TextTokenizer } from './tokenizer.ts';
import type { Example } from './types.ts';
import type { ExampleWriter } from './write-example.ts';

export type LossSettings = {
  /** Unset: true for rows that have a completion. */
  completionOnlyLoss?: boolean | undefined;
  assistantOnlyLoss: boolean;
  /** Null: rows are never cut. */
  maxLength: number | null;
};

export type TokenizedRow = {
  inputIds: number[];
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
  settings: LossSettings,
  note: (message: string) => void,
): TokenizedRow {
  const { inputIds, trained } =
    example.kind === 'tokens'
      ? checkedTokens(example, tokenizer, settings)
      : tokenizeWritten(example, tokenizer, writer, settings, note);
  // Nothing stands before the first token that could predict it.
  trained[0] = 0;
  const length = Math.min(inputIds.length, settings.maxLength ?? Infinity);
  return { inputIds: inputIds.slice(0, length), trained: trained.subarray(0, length), fullLength: inputIds.length };
}

type Marked = { inputIds: number[]; trained: Uint8Array };

function tokenizeWritten(
  example: Exclude<Example, { kind: 'tokens' }>,
  tokenizer: TextTokenizer,
  writer: ExampleWriter,
  settings: LossSettings,
  note: (message: string) => void,
): Marked {
  const written = writer.write(example, settings.assistantOnlyLoss);
  const body = tokenizer.encode(written.text, { specialTokens: false });
  const begun = written.templated ? body : tokenizer.begin(body);
  const inputIds = written.templated ? body : closeRow(begun, tokenizer, note);
  const trained = new Uint8Array(inputIds.length).fill(1);

  if (settings.assistantOnlyLoss) {
    if (!written.assistant) throw notConversational();
    // What was put around the body (BOS, EOS) is not in the text: EOS belongs to the last answer.
    const offset = begun.length - body.length;
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
    const promptBody = tokenizer.encode(written.prompt, { specialTokens: false });
    const prompt = written.templated ? promptBody : tokenizer.begin(promptBody);
    const common = commonPrefix(prompt, inputIds);
    trained.fill(0, 0, common);
    if (common < prompt.length) {
      note(
        'In some rows the tokens of the prompt change when the completion follows (a token reaches over the border, ' +
          'or the chat template writes the prompt alone differently). Training begins where they part, as in TRL.',
      );
    }
  }
  return { inputIds, trained };
}

/** EOS once at the end, however the text ends. */
function closeRow(ids: number[], tokenizer: TextTokenizer, note: (message: string) => void): number[] {
  const eos = tokenizer.eosId;
  if (eos === undefined) {
    note('The tokenizer has no end-of-sequence token: the model will not learn where a text ends. Set eos_token.');
    return ids;
  }
  let end = ids.length;
  while (end > 0 && ids[end - 1] === eos) end--;
  return [...ids.slice(0, end), eos];
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

function commonPrefix(a: number[], b: number[]): number {
  let i = 0;
  while (i < a.length && i < b.length && a[i] === b[i]) i++;
  return i;
}

function checkedTokens(
  example: Extract<Example, { kind: 'tokens' }>,
  tokenizer: TextTokenizer,
  settings: LossSettings,
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
