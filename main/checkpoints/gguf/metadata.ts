// Typed access to a GGUF file's metadata, with errors that name the key.
import type { UserError } from '../../errors.ts';
import type { GgufHeader, GgufValue } from './header.ts';
import { ggufUnsupported } from './problems.ts';

export class Metadata {
  readonly path: string;
  readonly #values: ReadonlyMap<string, GgufValue>;
  readonly #read = new Set<string>();

  constructor({ path, metadata }: Pick<GgufHeader, 'path' | 'metadata'>) {
    this.path = path;
    this.#values = metadata;
  }

  has(key: string): boolean {
    return this.#values.has(key);
  }

  text(key: string): string | undefined {
    return this.#typed(key, 'a text', (value): value is string => typeof value === 'string');
  }

  flag(key: string): boolean | undefined {
    return this.#typed(key, 'true or false', (value): value is boolean => typeof value === 'boolean');
  }

  /** 64-bit values lose what is beyond 2^53; none that are read here come near. */
  number(key: string): number | undefined {
    this.#read.add(key);
    const value = this.#values.get(key);
    if (value === undefined || typeof value === 'number') return value;
    if (typeof value === 'bigint') return Number(value);
    throw this.#wrong(key, 'a number');
  }

  /** A whole number from 1. */
  size(key: string): number | undefined {
    const value = this.number(key);
    if (value === undefined || (Number.isSafeInteger(value) && value > 0)) return value;
    throw this.#wrong(key, 'a whole number from 1');
  }

  /** The same where some files give one number for all layers, and others a list of equal ones. */
  whole(key: string): number | undefined {
    const list = this.#values.get(key);
    if (!Array.isArray(list)) return this.size(key);
    this.#read.add(key);
    const [first] = list;
    if (typeof first === 'number' && Number.isSafeInteger(first) && first > 0 && list.every((one) => one === first))
      return first;
    throw ggufUnsupported(this.path, `${key} is not the same for every layer`);
  }

  /** The first of these keys that has a value other than none, and that nobody has asked for. */
  unread(keys: readonly string[]): string | undefined {
    return keys.find((key) => {
      const value = this.#values.get(key);
      return !this.#read.has(key) && value !== undefined && value !== 0 && value !== false;
    });
  }

  requiredSize(key: string): number {
    const value = this.size(key);
    if (value !== undefined) return value;
    throw ggufUnsupported(
      this.path,
      `it has no ${key}`,
      'Take another file of the model, made with a newer llama.cpp.',
    );
  }

  requiredText(key: string): string {
    const value = this.text(key);
    if (value !== undefined) return value;
    throw ggufUnsupported(
      this.path,
      `it has no ${key}`,
      'Take another file of the model, made with a newer llama.cpp.',
    );
  }

  texts(key: string): string[] | undefined {
    return this.#typed(key, 'a list of texts', (value): value is string[] => isListOf(value, 'string'));
  }

  numbers(key: string): number[] | undefined {
    return this.#typed(key, 'a list of numbers', (value): value is number[] => isListOf(value, 'number'));
  }

  #typed<T extends GgufValue>(key: string, wanted: string, is: (value: GgufValue) => value is T): T | undefined {
    const value = this.#values.get(key);
    if (value === undefined || is(value)) return value;
    throw this.#wrong(key, wanted);
  }

  #wrong(key: string, wanted: string): UserError {
    const value = this.#values.get(key);
    const shown = Array.isArray(value) ? `a list of ${value.length}` : JSON.stringify(String(value).slice(0, 60));
    return ggufUnsupported(this.path, `${key} is ${shown}; ${wanted} was expected`);
  }
}

function isListOf(value: GgufValue, type: 'string' | 'number'): boolean {
  return Array.isArray(value) && value.every((one) => typeof one === type);
}
