// What a model folder says about its tokenizer: tokenizer.json, its config and its chat template, wherever they lie.
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { UserError, messageOf } from '../errors.ts';
import { isRecord } from './readers/reader.ts';

export type TokenizerFiles = {
  folder: string;
  /** tokenizer.json as text and parsed. */
  source: string;
  json: Record<string, unknown>;
  /** tokenizer_config.json over special_tokens_map.json. */
  config: Record<string, unknown>;
};

/** Throws UserError tokenizer-missing, tokenizer-invalid. */
export function readTokenizerFiles(folder: string): TokenizerFiles {
  const path = join(folder, 'tokenizer.json');
  if (!existsSync(path)) {
    const old = existsSync(join(folder, 'tokenizer.model'));
    throw new UserError({
      code: 'tokenizer-missing',
      message: `${folder} has no tokenizer.json${old ? ', only the older tokenizer.model' : ''}.`,
      fix: old
        ? 'Take tokenizer.json from a newer upload of the model, or save the model again with a recent transformers.'
        : 'Add the tokenizer.json that belongs to the model; most model uploads have one.',
    });
  }
  const source = readFileSync(path, 'utf8');
  const json = withoutPlaceholders(parseObject(source, path), embeddingRows(folder));
  return { folder, source, json, config: readConfig(folder) };
}

/**
 * Gemma 3's tokenizer is the same for all sizes: where a model cannot see, its embedding has no row for the token that
 * stands for a piece of an image, and a text that spells it is just a text.
 */
function withoutPlaceholders(json: Record<string, unknown>, rows: number): Record<string, unknown> {
  const { added_tokens: added } = json;
  if (!Array.isArray(added)) return json;
  const stays = (token: unknown): boolean =>
    !isRecord(token) || !(Number(token.id) >= rows) || !/image|audio|video/.test(String(token.content));
  return added.every(stays) ? json : { ...json, added_tokens: added.filter(stays) };
}

/** vocab_size of the model in the folder; Infinity where none is known. */
function embeddingRows(folder: string): number {
  const path = join(folder, 'config.json');
  const { vocab_size: rows } = existsSync(path) ? parseObject(readFileSync(path, 'utf8'), path) : {};
  return typeof rows === 'number' ? rows : Infinity;
}

function readConfig(folder: string): Record<string, unknown> {
  const read = (name: string) => {
    const path = join(folder, name);
    return existsSync(path) ? parseObject(readFileSync(path, 'utf8'), path) : {};
  };
  return { ...read('special_tokens_map.json'), ...read('tokenizer_config.json') };
}

/** The template that chat_template_path names. Throws UserError chat-template-missing. */
export function templateAt(path: string): string {
  if (!existsSync(path)) throw noTemplate(path, 'there is no such file or folder');
  if (!statSync(path).isDirectory()) return readFileSync(path, 'utf8');
  const found = templateOf({ folder: path, config: readConfig(path) });
  if (found === undefined) throw noTemplate(path, 'its tokenizer has no chat template');
  return found;
}

/** chat_template.jinja, chat_template.json, or tokenizer_config.json's chat_template, a text or a list of named ones. */
export function templateOf({ folder, config }: Pick<TokenizerFiles, 'folder' | 'config'>): string | undefined {
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
export function tokenText(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return isRecord(value) && typeof value.content === 'string' ? value.content : undefined;
}

function parseObject(text: string, path: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw invalidTokenizer(path, messageOf(error), error);
  }
  if (!isRecord(value)) throw invalidTokenizer(path, 'it holds no object');
  return value;
}

export function invalidTokenizer(path: string, reason: string, cause?: unknown): UserError {
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
