// A model folder's tokenizer: text to ids and back, special tokens, chat template. Wraps @huggingface/tokenizers and
// adds what it lacks: what single tokens stand for, where they lie in the text, and one rule for BOS and EOS.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { UserError, messageOf } from '../errors.ts';
import { ChatTemplate, type RenderOptions } from './chat-template.ts';
import { isRecord } from './readers/reader.ts';
import { locateTokens, showBytes, tokenBytes, type TokenBytes } from './token-bytes.ts';
import type { Message } from './types.ts';
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

type Parts = { json: Record<string, unknown>; config: Record<string, unknown>; folder: string; source: string };

/** Throws UserError: tokenizer-missing, tokenizer-invalid, chat-template-missing, chat-template-invalid, eos-token-unknown. */
export function loadTokenizer(modelFolder: string, options: LoadTokenizerOptions = {}): TextTokenizer {
  const path = join(modelFolder, 'tokenizer.json');
  if (!existsSync(path)) {
    const old = existsSync(join(modelFolder, 'tokenizer.model'));
    throw new UserError({
      code: 'tokenizer-missing',
      message: `${modelFolder} has no tokenizer.json${old ? ', only the older tokenizer.model' : ''}.`,
      fix: old
        ? 'Take tokenizer.json from a newer upload of the model, or save the model again with a recent transformers.'
        : 'Add the tokenizer.json that belongs to the model; most model uploads have one.',
    });
  }
  const source = readFileSync(path, 'utf8');
  const json = parseObject(source, path);
  const config = readConfig(modelFolder);
  const chatTemplate = options.chatTemplatePath
    ? templateAt(options.chatTemplatePath)
    : templateOfFolder(modelFolder, config);
  return new TextTokenizer({ json, config, folder: modelFolder, source }, { chatTemplate, eosToken: options.eosToken });
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
  private readonly parts: Parts;
  private readonly inner: Tokenizer;
  private readonly bytesOf: TokenBytes;
  private readonly special: Set<number>;
  private readonly added: Set<number>;
  /** What encoding with special tokens puts before and after the text. */
  private readonly before: number[];
  private readonly after: number[];
  private template: ChatTemplate | undefined;

  constructor(parts: Parts, overrides: TokenizerOverrides = {}, inner?: Tokenizer) {
    this.parts = parts;
    this.inner = inner ?? buildInner(parts);
    const addedTokens = [...this.inner.get_added_tokens_decoder().values()];
    this.added = new Set(addedTokens.map((token) => token.id));
    this.special = new Set(addedTokens.filter((token) => token.special).map((token) => token.id));
    this.vocabSize = highestId(parts.json, this.added) + 1;
    this.bosToken = tokenText(parts.config.bos_token);
    this.eosToken = overrides.eosToken ?? tokenText(parts.config.eos_token);
    this.bosId = this.idOf(this.bosToken);
    this.eosId = this.idOf(this.eosToken);
    this.padId = this.idOf(tokenText(parts.config.pad_token));
    if (overrides.eosToken !== undefined && this.eosId === undefined)
      throw unknownEos(overrides.eosToken, parts.folder);
    const fromFile = this.wrappedInSpecialTokens();
    this.before = withConfigured(fromFile.before, this.bosId, parts.config.add_bos_token, 'first');
    this.after = withConfigured(fromFile.after, this.eosId, parts.config.add_eos_token, 'last');
    this.addsBos = this.bosId !== undefined && this.before.includes(this.bosId);
    this.chatTemplate = overrides.chatTemplate;
    this.bytesOf = tokenBytes(
      { ...parts.json, model: isRecord(parts.json.model) ? parts.json.model : {} },
      (id) => this.inner.id_to_token(id),
      (id) => this.added.has(id),
    );
    this.fingerprint = createHash('sha256')
      .update(JSON.stringify([parts.source, this.before, this.after, this.eosToken, this.bosToken, this.chatTemplate]))
      .digest('hex');
  }

  /** The same tokenizer with another end token or template. */
  with(overrides: TokenizerOverrides): TextTokenizer {
    const { eosToken = this.eosToken, chatTemplate = this.chatTemplate } = overrides;
    return new TextTokenizer(this.parts, { eosToken, chatTemplate }, this.inner);
  }

  /** Ids of a text. `specialTokens` (default true) adds BOS and whatever else the tokenizer wraps texts in, once. */
  encode(text: string, options: { specialTokens?: boolean } = {}): number[] {
    const ids = text === '' ? [] : this.inner.encode(text, { add_special_tokens: false }).ids;
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
        message: `The tokenizer in ${this.parts.folder} has no chat template, so conversations cannot be written for it.`,
        fix: 'Set template: chatml (or alpaca), or name a template with chat_template_path.',
      });
    }
    this.template ??= this.compile(this.chatTemplate);
    return this.template;
  }

  /** Another template with this tokenizer's special tokens. */
  compile(source: string): ChatTemplate {
    const variables: Record<string, unknown> = { bos_token: this.bosToken ?? '', eos_token: this.eosToken ?? '' };
    for (const name of ['pad_token', 'unk_token']) variables[name] = tokenText(this.parts.config[name]) ?? '';
    return new ChatTemplate(source, variables, this.parts.folder);
  }

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

function buildInner(parts: Parts): Tokenizer {
  try {
    // Of the config only this matters for ids; the rest of it steers Python classes.
    const config = { eos_token: tokenText(parts.config.eos_token), clean_up_tokenization_spaces: false };
    return new Tokenizer(cutAtSpaces(parts.json), config);
  } catch (error) {
    throw invalid(join(parts.folder, 'tokenizer.json'), messageOf(error), error);
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

function readConfig(folder: string): Record<string, unknown> {
  const read = (name: string) => {
    const path = join(folder, name);
    return existsSync(path) ? parseObject(readFileSync(path, 'utf8'), path) : {};
  };
  return { ...read('special_tokens_map.json'), ...read('tokenizer_config.json') };
}

function templateAt(path: string): string {
  if (!existsSync(path)) throw noTemplate(path, 'there is no such file or folder');
  if (!statSync(path).isDirectory()) return readFileSync(path, 'utf8');
  const found = templateOfFolder(path, readConfig(path));
  if (found === undefined) throw noTemplate(path, 'its tokenizer has no chat template');
  return found;
}

/** chat_template.jinja, chat_template.json, or tokenizer_config.json's chat_template, a text or a list of named ones. */
function templateOfFolder(folder: string, config: Record<string, unknown>): string | undefined {
  const jinja = join(folder, 'chat_template.jinja');
  if (existsSync(jinja)) return readFileSync(jinja, 'utf8');
  const json = join(folder, 'chat_template.json');
  const value =
    config.chat_template ??
    (existsSync(json) ? parseObject(readFileSync(json, 'utf8'), json).chat_template : undefined);
  if (typeof value === 'string') return value;
  if (!Array.isArray(value)) return undefined;
  const named = value.filter((item): item is { name: string; template: string } => {
    return isRecord(item) && typeof item.name === 'string' && typeof item.template === 'string';
  });
  return (named.find((item) => item.name === 'default') ?? named[0])?.template;
}

/** Tokens are written as text or as {content, …}. */
function tokenText(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return isRecord(value) && typeof value.content === 'string' ? value.content : undefined;
}

function parseObject(text: string, path: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw invalid(path, messageOf(error), error);
  }
  if (!isRecord(value)) throw invalid(path, 'it holds no object');
  return value;
}

function invalid(path: string, reason: string, cause?: unknown): UserError {
  return new UserError(
    {
      code: 'tokenizer-invalid',
      message: `${path} cannot be used: ${reason}.`,
      fix: 'The file is likely cut off or damaged: download the model folder again.',
    },
    { cause },
  );
}

function noTemplate(path: string, reason: string): UserError {
  return new UserError({
    code: 'chat-template-missing',
    message: `chat_template_path "${path}": ${reason}.`,
    fix: 'Name a .jinja file or a model folder whose tokenizer_config.json has a chat_template.',
  });
}

function unknownEos(token: string, folder: string): UserError {
  return new UserError({
    code: 'eos-token-unknown',
    message: `eos_token "${token}" is not a token of the tokenizer in ${folder}.`,
    fix: 'Use a token of its vocabulary, for example the eos_token in tokenizer_config.json, or leave eos_token out.',
  });
}
