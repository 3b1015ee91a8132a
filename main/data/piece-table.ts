// The texts of a tokenizer's tokens in a file, so that stored rows can be shown without the tokenizer, which takes a
// second to load where its vocabulary is large.
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TokenPieces } from './preview.ts';
import type { TextTokenizer } from './tokenizer.ts';

type Table = { pieces: string[]; special: number[] };

/** Writes the table where it is not there yet. Returns its name in the folder. */
export function writePieceTable(folder: string, tokenizer: TextTokenizer): string {
  const name = `pieces-${tokenizer.fingerprint.slice(0, 32)}.json`;
  const path = join(folder, name);
  if (existsSync(path)) return name;
  const ids = Array.from({ length: tokenizer.vocabSize }, (_, id) => id);
  const table: Table = {
    pieces: ids.map((id) => tokenizer.piece(id)),
    special: ids.filter((id) => tokenizer.isSpecial(id)),
  };
  const partial = `${path}.partial-${String(process.pid)}`;
  writeFileSync(partial, JSON.stringify(table));
  renameSync(partial, path);
  return name;
}

/** Undefined where there is none. */
export function readPieceTable(folder: string, name: string): TokenPieces | undefined {
  const path = join(folder, name);
  if (!existsSync(path)) return undefined;
  const { pieces, special } = JSON.parse(readFileSync(path, 'utf8')) as Table;
  const specialIds = new Set(special);
  return {
    piece: (id) => pieces[id] ?? `<${String(id)}?>`,
    isSpecial: (id) => specialIds.has(id),
  };
}
