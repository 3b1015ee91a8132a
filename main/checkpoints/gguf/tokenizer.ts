// A GGUF file's tokenizer as tokenizer.json and tokenizer_config.json, which give the same ids here and in Python.
import type { Metadata } from './metadata.ts';
import { ggufUnsupported } from './problems.ts';
import { preTokenizerNamed } from './pre-tokenizers.ts';
import { sentencePieceMerges } from './sentencepiece-merges.ts';
import { readVocabulary, type Vocabulary } from './vocabulary.ts';

export type GgufTokenizer = {
  json: Record<string, unknown>;
  config: Record<string, unknown>;
  vocabulary: Vocabulary;
  /** Source of the chat template. */
  chatTemplate: string | undefined;
};

/** @throws UserError "gguf-unsupported" for a kind of tokenizer or of cutting texts that is not known */
export function readGgufTokenizer(metadata: Metadata): GgufTokenizer {
  const vocabulary = readVocabulary(metadata);
  const kind = metadata.requiredText('tokenizer.ggml.model');
  if (kind !== 'gpt2' && kind !== 'llama')
    throw ggufUnsupported(
      metadata.path,
      `its tokenizer is of the kind ${JSON.stringify(kind)}; gpt2 (byte-pair encoding) and llama (SentencePiece) are known`,
    );
  const { addsBos, ...parts } = kind === 'gpt2' ? bytePairs(metadata, vocabulary) : sentencePiece(metadata, vocabulary);
  const { tokens, bos, eos, pad, unknown } = vocabulary;
  const begins = metadata.flag('tokenizer.ggml.add_bos_token') ?? addsBos;
  const ends = metadata.flag('tokenizer.ggml.add_eos_token') ?? false;
  const chatTemplate = metadata.text('tokenizer.chat_template');
  const text = (id: number | undefined): string | null => (id === undefined ? null : (tokens[id] ?? null));
  const strips = kind === 'llama' && metadata.text('general.architecture') === 'phi3';
  const added = tokens.flatMap((content, id) =>
    isAdded(vocabulary, id) ? [addedToken(vocabulary, content, id, strips && !keepsBlanks.has(content))] : [],
  );
  return {
    json: {
      version: '1.0',
      truncation: null,
      padding: null,
      added_tokens: added,
      normalizer: parts.normalizer,
      pre_tokenizer: parts.preTokenizer,
      post_processor: wrappedIn(begins ? text(bos) : null, ends ? text(eos) : null, [bos, eos]) ?? parts.postProcessor,
      decoder: parts.decoder,
      model: parts.model,
    },
    config: {
      add_bos_token: begins && bos !== undefined,
      add_eos_token: ends && eos !== undefined,
      added_tokens_decoder: Object.fromEntries(added.map(({ id, ...token }) => [id, token])),
      bos_token: text(bos),
      ...(chatTemplate === undefined ? {} : { chat_template: chatTemplate }),
      clean_up_tokenization_spaces: false,
      eos_token: text(eos),
      model_max_length: metadata.size(`${metadata.requiredText('general.architecture')}.context_length`) ?? 2048,
      pad_token: text(pad ?? eos),
      tokenizer_class: 'PreTrainedTokenizerFast',
      unk_token: kind === 'gpt2' ? null : text(unknown),
    },
    vocabulary,
    chatTemplate,
  };
}

/** The content of tokenizer.json. */
export function tokenizerJsonText({ json }: Pick<GgufTokenizer, 'json'>): string {
  return `${JSON.stringify(json)}\n`;
}

type Parts = {
  normalizer: Record<string, unknown> | null;
  preTokenizer: Record<string, unknown> | null;
  postProcessor: Record<string, unknown> | null;
  decoder: Record<string, unknown>;
  model: Record<string, unknown>;
  addsBos: boolean;
};

const plainModel = {
  type: 'BPE',
  dropout: null,
  continuing_subword_prefix: null,
  end_of_word_suffix: null,
};

function bytePairs(metadata: Metadata, vocabulary: Vocabulary): Parts {
  const { addsBos, ignoreMerges, ...cutting } = preTokenizerNamed(metadata.text('tokenizer.ggml.pre'), metadata.path);
  const merges = metadata.texts('tokenizer.ggml.merges');
  if (!merges) throw ggufUnsupported(metadata.path, 'its tokenizer has no merges (tokenizer.ggml.merges)');
  const vocab = vocabularyObject(vocabulary);
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false };
  return {
    ...cutting,
    addsBos,
    postProcessor: byteLevel,
    decoder: { ...byteLevel, use_regex: true },
    model: {
      ...plainModel,
      unk_token: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: ignoreMerges,
      vocab,
      merges: merges.map((merge) => pairOf(merge, metadata.path)),
    },
  };
}

/** "a b" as a pair: the blank is the first behind a first character that may be one itself. */
function pairOf(merge: string, path: string): [string, string] {
  const blank = merge.indexOf(' ', 1);
  if (blank > 0 && blank < merge.length - 1) return [merge.slice(0, blank), merge.slice(blank + 1)];
  throw ggufUnsupported(path, `${JSON.stringify(merge.slice(0, 60))} in tokenizer.ggml.merges is no pair`);
}

const blank = '\u2581';

function sentencePiece(metadata: Metadata, vocabulary: Vocabulary): Parts {
  const { tokens, kindOf, unknown } = vocabulary;
  const scores = metadata.numbers('tokenizer.ggml.scores');
  if (scores?.length !== tokens.length)
    throw ggufUnsupported(metadata.path, `it has ${scores?.length ?? 0} scores for ${tokens.length} tokens`);
  // Tokens that stand for themselves are found in a text before anything is merged.
  const isMade = (id: number): boolean => kindOf(id) === 'normal' || kindOf(id) === 'user-defined';
  const ids = new Map<string, number>();
  const scoreOf = new Map<string, number>();
  for (const [id, token] of tokens.entries()) {
    if (!isMade(id)) continue;
    ids.set(token, id);
    scoreOf.set(token, scores[id] ?? 0);
  }
  const addsBlank = metadata.flag('tokenizer.ggml.add_space_prefix') ?? true;
  const replace = { type: 'Replace', pattern: { String: ' ' }, content: blank };
  const decoders = [
    { type: 'Replace', pattern: { String: blank }, content: ' ' },
    { type: 'ByteFallback' },
    { type: 'Fuse' },
    ...(addsBlank ? [{ type: 'Strip', content: ' ', start: 1, stop: 0 }] : []),
  ];
  return {
    normalizer: addsBlank ? { type: 'Sequence', normalizers: [{ type: 'Prepend', prepend: blank }, replace] } : replace,
    preTokenizer: null,
    postProcessor: null,
    decoder: { type: 'Sequence', decoders },
    model: {
      ...plainModel,
      unk_token: unknown === undefined ? null : (tokens[unknown] ?? null),
      fuse_unk: true,
      byte_fallback: true,
      ignore_merges: false,
      vocab: vocabularyObject(vocabulary),
      merges: sentencePieceMerges(ids, scoreOf),
    },
    addsBos: true,
  };
}

/**
 * All tokens, added ones too: tokenizers gives those that it does not find here ids of its own. Of two tokens of the same
 * text, the later counts, as in llama.cpp.
 */
function vocabularyObject({ tokens, kindOf }: Vocabulary): Record<string, number> {
  const entries = tokens.flatMap((token, id): [string, number][] =>
    // Rows of the embedding that stand for nothing: the converter calls them so.
    kindOf(id) === 'unused' && /^\[PAD\d+\]$/.test(token) ? [] : [[token, id]],
  );
  return Object.fromEntries(entries);
}

/** Found in a text as a whole, before it is cut into words. */
const isAdded = ({ kindOf }: Vocabulary, id: number): boolean =>
  kindOf(id) === 'control' || kindOf(id) === 'user-defined' || kindOf(id) === 'unknown';

function addedToken({ kindOf }: Vocabulary, content: string, id: number, rstrip: boolean) {
  const special = kindOf(id) !== 'user-defined';
  return { id, content, single_word: false, lstrip: false, rstrip, normalized: false, special };
}

/** Phi-3's tokens swallow the blanks behind them, all but these. It stands nowhere in the file; llama.cpp knows it, too. */
const keepsBlanks: ReadonlySet<string> = new Set(['<unk>', '<s>', '<|endoftext|>']);

/** Puts BOS and EOS around a text; undefined where there is nothing to put. */
function wrappedIn(
  bos: string | null,
  eos: string | null,
  [bosId, eosId]: readonly (number | undefined)[],
): Record<string, unknown> | undefined {
  if (bos === null && eos === null) return undefined;
  const around = (sequence: string, type: number): unknown[] => [
    ...(bos === null ? [] : [{ SpecialToken: { id: bos, type_id: type } }]),
    { Sequence: { id: sequence, type_id: type } },
    ...(eos === null ? [] : [{ SpecialToken: { id: eos, type_id: type } }]),
  ];
  const special = [
    [bos, bosId],
    [eos, eosId],
  ].filter((entry): entry is [string, number] => entry[0] !== null);
  return {
    type: 'TemplateProcessing',
    single: around('A', 0),
    pair: [...around('A', 0), ...around('B', 1)],
    special_tokens: Object.fromEntries(
      special.map(([token, id]) => [token, { id: token, ids: [id], tokens: [token] }]),
    ),
  };
}
