// Walks a JSON text piece by piece and hands out the elements of its outermost lists as soon as each is complete,
// so that a file of any size is read in the memory of one row. Parsing the elements is left to the caller.
import { UserError } from '../../errors.ts';

export type JsonElement = {
  /** Keys from the root to the list, joined by dots; '' for a list at the root. */
  path: string;
  /** The element's source text. */
  text: string;
  /** 1-based line where the element begins. */
  line: number;
};

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const NEWLINE = 0x0a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const COMMA = 0x2c;

type Container = { kind: 'object' | 'list'; key: string };

export class JsonScanner {
  /** Keys of the root object, for messages. */
  readonly rootKeys: string[] = [];
  root: 'object' | 'list' | 'scalar' | undefined;
  private readonly label: string;
  private readonly stack: Container[] = [];
  private line = 1;
  private inString = false;
  private escaped = false;
  /** Source of the key or element that is being collected, over several pieces. */
  private collected: string[] | undefined;
  private elementLine = 0;
  /** Open brackets inside the element being collected. */
  private depth = 0;
  private lastString = '';
  private ended = false;

  constructor(label: string) {
    this.label = label;
  }

  /** The elements that end in this piece. */
  *push(piece: string): Generator<JsonElement> {
    let start = 0;
    const take = (end: number) => {
      const text = [...(this.collected ?? []), piece.slice(start, end)].join('');
      this.collected = undefined;
      return text;
    };
    for (let i = 0; i < piece.length; i++) {
      const code = piece.charCodeAt(i);
      if (code === NEWLINE) this.line++;
      if (this.inString) {
        if (this.escaped) this.escaped = false;
        else if (code === BACKSLASH) this.escaped = true;
        else if (code === QUOTE) {
          this.inString = false;
          if (!this.inElement()) this.lastString = take(i + 1);
        }
        continue;
      }
      if (code <= 0x20) continue;
      if (this.ended) throw this.bad(`there is more after the end: ${JSON.stringify(piece.slice(i, i + 20))}`);
      const top = this.stack.at(-1);
      if (top?.kind === 'list') {
        if (!this.inElement()) {
          if (code === COMMA) continue;
          if (code === CLOSE_BRACKET) {
            this.close('list');
            continue;
          }
          this.collected = [];
          this.elementLine = this.line;
          start = i;
        } else if (this.depth === 0 && (code === COMMA || code === CLOSE_BRACKET)) {
          yield { path: this.path(), text: take(i), line: this.elementLine };
          if (code === CLOSE_BRACKET) this.close('list');
          continue;
        }
        if (code === QUOTE) this.inString = true;
        else if (code === OPEN_BRACE || code === OPEN_BRACKET) this.depth++;
        else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) this.depth--;
        if (this.depth < 0) throw this.bad(`"${piece.charAt(i)}" closes nothing`);
        continue;
      }
      this.root ??= code === OPEN_BRACE ? 'object' : code === OPEN_BRACKET ? 'list' : 'scalar';
      if (code === QUOTE) {
        this.inString = true;
        this.collected = [];
        start = i;
      } else if (code === OPEN_BRACE || code === OPEN_BRACKET) this.open(code === OPEN_BRACE ? 'object' : 'list');
      else if (code === CLOSE_BRACE) this.close('object');
      else if (code === CLOSE_BRACKET) throw this.bad('"]" closes nothing');
      else if (code === 0x3a && this.stack.length === 1 && this.root === 'object') this.rootKeys.push(this.key());
    }
    this.collected?.push(piece.slice(start));
  }

  /** Call after the last piece. Throws where the text stops in the middle. */
  end(): void {
    if (this.ended || (this.root === 'scalar' && !this.inString)) return;
    if (this.root === undefined) throw this.bad('it holds only blanks');
    throw this.bad('it ends in the middle; the file is cut off');
  }

  private inElement(): boolean {
    return this.stack.at(-1)?.kind === 'list' && this.collected !== undefined;
  }

  private open(kind: Container['kind']): void {
    this.stack.push({ kind, key: this.stack.length > 0 ? this.key() : '' });
    this.depth = 0;
  }

  private close(kind: Container['kind']): void {
    if (this.stack.pop()?.kind !== kind) throw this.bad(`"${kind === 'list' ? ']' : '}'}" closes nothing`);
    this.ended = this.stack.length === 0;
  }

  private key(): string {
    try {
      return String(JSON.parse(this.lastString));
    } catch {
      throw this.bad(`a key is expected, not ${JSON.stringify(this.lastString.slice(0, 40))}`);
    }
  }

  private path(): string {
    return this.stack
      .slice(1)
      .map((container) => container.key)
      .join('.');
  }

  private bad(reason: string): UserError {
    return new UserError({
      code: 'dataset-bad-json',
      message: `${this.label}:${String(this.line)} is not valid JSON: ${reason}.`,
      fix: 'Write the file again with a JSON library, or convert it to JSON lines (one object per line, ending .jsonl).',
    });
  }
}
