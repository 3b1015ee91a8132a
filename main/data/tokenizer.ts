// A model folder's tokenizer: text to ids and back, special tokens, chat template. Wraps @huggingface/tokenizers and
// adds what it lacks: what single tokens stand for, where they lie in the text, and one rule for BOS and EOS.
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Tokenizer } from '@huggingface/tokenizers';
import { UserError, messageOf } from '../errors.ts';
import { ChatTemplate, type RenderOptions } from './chat-template.ts';
import { isRecord } from './readers/reader.ts';
import {
  readTokenizerFiles,
  templateAt,
  templateOf,
  tokenText,
  invalidTokenizer,
  type TokenizerFiles,
} from './tokenizer-files.ts';
import { locateTokens, showBytes, tokenBytes, type TokenBytes } from './token-bytes.ts';
import type { Message } from './types.ts';
import { textEncoder, type TextEncoderParts } from './text-encoder.ts';
import { cutAtSpaces } from './word-cuts.ts';

export type TokenizerOverrides = {
  /** TRL's eos_token: must be one token of the vocabulary. */
  eosToken?: string | undefined;
  /** Source of a Jinja chat template. */
  chatTemplate?: string | undefined;
};

export type LoadTokenizerOptions = {
  eosToken?: string | undefined;
  /** A .jinja file, or a folder with a tokenizer whose template is taken. */
  chatTemplatePath?: string | undefined;
};

/** Throws UserError: tokenizer-missing, tokenizer-invalid, chat-template-missing, chat-template-invalid, eos-token-unknown. */
export function loadTokenizer(modelFolder: string, options: LoadTokenizerOptions = {}): TextTokenizer {
  const files = readTokenizerFiles(modelFolder);
  const chatTemplate = options.chatTemplatePath ? templateAt(options.chatTemplatePath) : templateOf(files);
  return new TextTokenizer(files, { chatTemplate, eosToken: options.eosToken });
}

export class TextTokenizer {
  /** Highest token id + 1, added tokens included. */
  readonly vocabSize: number;
  readonly bosToken: string | undefined;
  readonly eosToken: string | undefined;
  readonly bosId: number | undefined;
  readonly eosId: number | undefined;
  readonly padId: number | undefined;
  /** Encoding with special tokens begins with BOS. */
  readonly addsBos: boolean;
  /** Source of the chat template, if there is one. */
  readonly chatTemplate: string | undefined;
  /** Changes when anything changes that token ids depend on. */
  readonly fingerprint: string;
  private readonly files: TokenizerFiles;
  private readonly encoder: TextEncoderParts;
  private readonly inner: Tokenizer;
  private readonly bytesOf: TokenBytes;
  private readonly special: Set<number>;
  private readonly added: Set<number>;
  /** What encoding with special tokens puts before and after the text. */
  private readonly before: number[];
  private readonly after: number[];
  private template: ChatTemplate | undefined;

  constructor(files: TokenizerFiles, overrides: TokenizerOverrides = {}, encoder?: TextEncoderParts) {
    this.files = files;
    this.encoder = encoder ?? buildEncoder(files);
    this.inner = this.encoder.inner;
    const addedTokens = [...this.inner.get_added_tokens_decoder().values()];
    this.added = new Set(addedTokens.map((token) => token.id));
    this.special = new Set(addedTokens.filter((token) => token.special).map((token) => token.id));
    this.vocabSize = highestId(files.json, this.added) + 1;
    this.bosToken = tokenText(files.config.bos_token);
    this.eosToken = overrides.eosToken ?? tokenText(files.config.eos_token);
    this.bosId = this.idOf(this.bosToken);
    this.eosId = this.idOf(this.eosToken);
    this.padId = this.idOf(tokenText(files.config.pad_token));
    if (overrides.eosToken !== undefined && this.eosId === undefined)
      throw unknownEos(overrides.eosToken, files.folder);
    const fromFile = this.wrappedInSpecialTokens();
    this.before = withConfigured(fromFile.before, this.bosId, files.config.add_bos_token, 'first');
    this.after = withConfigured(fromFile.after, this.eosId, files.config.add_eos_token, 'last');
    this.addsBos = this.bosId !== undefined && this.before.includes(this.bosId);
    this.chatTemplate = overrides.chatTemplate;
    this.bytesOf = tokenBytes(
      { ...files.json, model: isRecord(files.json.model) ? files.json.model : {} },
      (id) => this.inner.id_to_token(id),
      (id) => this.added.has(id),
    );
    this.fingerprint = createHash('sha256')
      .update(JSON.stringify([files.source, this.before, this.after, this.eosToken, this.bosToken, this.chatTemplate]))
      .digest('hex');
  }

  /** The same tokenizer with another end token or template. */
  with(overrides: TokenizerOverrides): TextTokenizer {
    const { eosToken = this.eosToken, chatTemplate = this.chatTemplate } = overrides;
    return new TextTokenizer(this.files, { eosToken, chatTemplate }, this.encoder);
  }

  /** Ids of a text. `specialTokens` (default true) adds BOS and whatever else the tokenizer wraps texts in, once. */
  encode(text: string, options: { specialTokens?: boolean } = {}): number[] {
    const ids = text === '' ? [] : this.encoder.encode(text);
    if (options.specialTokens === false) return ids;
    const ended = this.after.length === 1 && ids.at(-1) === this.after[0];
    return ended ? this.begin(ids) : [...this.begin(ids), ...this.after];
  }

  /** Ids of a text without special tokens around it, begun as this tokenizer begins texts (BOS), once. */
  begin(ids: number[]): number[] {
    return this.before.length === 1 && ids[0] === this.before[0] ? ids : [...this.before, ...ids];
  }

  decode(ids: ArrayLike<number>, options: { skipSpecial?: boolean } = {}): string {
    const kept = Array.from(ids).filter((id) => !(options.skipSpecial === true && this.special.has(id)));
    return kept.length === 0 ? '' : this.inner.decode(kept, { clean_up_tokenization_spaces: false });
  }

  /** One token as a person should see it: its text, or \xE2 for bytes that are no whole character. */
  piece(id: number): string {
    const bytes = this.bytesOf(id);
    return bytes ? showBytes(bytes) : (this.inner.id_to_token(id) ?? `<${String(id)}?>`);
  }

  /** See locateTokens. `ids` must be the encoding of `text` without special tokens around it. */
  locate(text: string, ids: number[]): Int32Array | undefined {
    return locateTokens(text, ids, this.bytesOf);
  }

  isSpecial(id: number): boolean {
    return this.special.has(id);
  }

  /** Texts of the special tokens. */
  specialTexts(): string[] {
    return [...this.special].flatMap((id) => this.inner.id_to_token(id) ?? []);
  }

  idOf(token: string | undefined): number | undefined {
    return token === undefined ? undefined : this.inner.token_to_id(token);
  }

  /** Throws UserError chat-template-missing, TemplateRefusal. */
  renderChat(messages: Message[], options: RenderOptions = {}): string {
    return this.chat().render(messages, options);
  }

  /** The chat template, read when first used. */
  chat(): ChatTemplate {
    if (this.chatTemplate === undefined) {
      throw new UserError({
        code: 'chat-template-missing',
        message: `The tokenizer in ${this.files.folder} has no chat template, so conversations cannot be written for it.`,
        fix: 'Set template: chatml (or alpaca), or name a template with chat_template_path.',
      });
    }
    this.template ??= this.compile(this.chatTemplate);
    return this.template;
  }

  /** Another template with this tokenizer's special tokens. */
  compile(source: string): ChatTemplate {
    const variables: Record<string, unknown> = { bos_token: this.bosToken ?? '', eos_token: this.eosToken ?? '' };
    for (const name of ['pad_token', 'unk_token']) variables[name] = tokenText(this.files.config[name]) ?? '';
    return new ChatTemplate(source, variables, this.files.folder);
  }

  /** What the post-processor puts around a text. */
  private wrappedInSpecialTokens(): { before: number[]; after: number[] } {
    const plain = this.inner.encode('a', { add_special_tokens: false }).ids;
    const wrapped = this.inner.encode('a', { add_special_tokens: true }).ids;
    for (let start = 0; start + plain.length <= wrapped.length; start++) {
      if (plain.every((id, i) => wrapped[start + i] === id)) {
        return { before: wrapped.slice(0, start), after: wrapped.slice(start + plain.length) };
      }
    }
    return { before: [], after: [] };
  }
}

/** Every id must have a row in the embedding. Throws UserError tokenizer-larger-than-embedding. */
export function checkVocabulary(tokenizer: TextTokenizer, embeddingRows: number, modelFolder: string): void {
  if (tokenizer.vocabSize <= embeddingRows) return;
  throw new UserError({
    code: 'tokenizer-larger-than-embedding',
    message:
      `The tokenizer in ${modelFolder} has ${String(tokenizer.vocabSize)} tokens, ` +
      `but the model's embedding has only ${String(embeddingRows)} rows.`,
    fix: 'Use the tokenizer that came with these weights; tokens that were added to it need a resized embedding.',
  });
}

function buildEncoder(files: TokenizerFiles): TextEncoderParts {
  try {
    // Of the config only this matters for ids; the rest of it steers Python classes.
    const config = { eos_token: tokenText(files.config.eos_token), clean_up_tokenization_spaces: false };
    return textEncoder(cutAtSpaces(files.json), config);
  } catch (error) {
    throw invalidTokenizer(join(files.folder, 'tokenizer.json'), messageOf(error), error);
  }
}

function highestId(json: Record<string, unknown>, added: Set<number>): number {
  const vocab = isRecord(json.model) ? json.model.vocab : undefined;
  let highest = -1;
  if (Array.isArray(vocab)) highest = vocab.length - 1;
  else if (isRecord(vocab)) for (const id of Object.values(vocab)) highest = Math.max(highest, Number(id));
  for (const id of added) highest = Math.max(highest, id);
  return highest;
}

/** add_bos_token and add_eos_token, where a config sets them, decide over what tokenizer.json does. */
function withConfigured(ids: number[], id: number | undefined, configured: unknown, place: 'first' | 'last'): number[] {
  if (id === undefined || typeof configured !== 'boolean' || configured === ids.includes(id)) return ids;
  if (!configured) return ids.filter((other) => other !== id);
  return place === 'first' ? [id, ...ids] : [...ids, id];
}

function unknownEos(token: string, folder: string): UserError {
  return new UserError({
    code: 'eos-token-unknown',
    message: `eos_token "${token}" is not a token of the tokenizer in ${folder}.`,
    fix: 'Use a token of its vocabulary, for example the eos_token in tokenizer_config.json, or leave eos_token out.',
  });
}
