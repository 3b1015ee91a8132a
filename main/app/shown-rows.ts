// Tokenized rows as a window shows them, page by page from the token cache. The store that was asked for last stays open.
import { join } from 'node:path';
import type { CommandInput, CommandOutput, ShownRow } from '../../preload/contract.ts';
import { openPairStore } from '../data/pair-store.ts';
import { readPieceTable } from '../data/piece-table.ts';
import { previewPair, previewRow, type TokenPieces } from '../data/preview.ts';
import { openTokenStore } from '../data/token-store.ts';
import { UserError } from '../errors.ts';

type Request = CommandInput<'data.rows'>;
type Filter = Request['filter'];

type OpenStore = {
  key: string;
  length: number;
  fullLength: (i: number) => number;
  isDuplicate: (i: number) => boolean;
  show: (i: number, tokens: number) => Omit<ShownRow, 'index' | 'fullLength' | 'isCut' | 'isDuplicate'>;
  /** Filter and max_length -> the rows that pass, found when first asked for. */
  found: Map<string, Uint32Array>;
  close: () => void;
};

let open: OpenStore | undefined;

/** Throws UserError "rows-not-there". */
export function showRows(cache: string, request: Request): CommandOutput<'data.rows'> {
  const { offset, limit, filter, tokens, maxLength } = request;
  const store = openStore(cache, request);
  const isCut = (i: number): boolean => maxLength !== null && store.fullLength(i) > maxLength;
  const chosen = filter === 'all' ? undefined : rowsFound(store, filter, maxLength, isCut);
  const total = chosen?.length ?? store.length;
  const rows: ShownRow[] = [];
  for (let at = offset; at < Math.min(offset + limit, total); at++) {
    const index = chosen ? (chosen[at] ?? 0) : at;
    rows.push({
      index,
      ...store.show(index, tokens),
      fullLength: store.fullLength(index),
      isCut: isCut(index),
      isDuplicate: store.isDuplicate(index),
    });
  }
  return { total, rows };
}

function rowsFound(
  store: OpenStore,
  filter: Exclude<Filter, 'all'>,
  maxLength: number | null,
  isCut: (i: number) => boolean,
): Uint32Array {
  const key = `${filter} ${String(maxLength)}`;
  const known = store.found.get(key);
  if (known) return known;
  const passes = filter === 'truncated' ? isCut : store.isDuplicate;
  const found = Uint32Array.from(Array.from({ length: store.length }, (_, i) => i).filter(passes));
  store.found.set(key, found);
  return found;
}

function openStore(cache: string, { store, pieces }: Pick<Request, 'store' | 'pieces'>): OpenStore {
  const key = JSON.stringify([cache, store, pieces]);
  if (open?.key === key) return open;
  open?.close();
  open = undefined;
  const table = readPieceTable(cache, pieces);
  const opened = table && (store.startsWith('pairs-') ? pairs : rows)(join(cache, store), table);
  if (!opened) {
    throw new UserError({
      code: 'rows-not-there',
      message: 'The tokens of these rows are not on the disk any more.',
      fix: 'Read the data again.',
    });
  }
  open = { key, found: new Map(), ...opened };
  return open;
}

type Opened = Omit<OpenStore, 'key' | 'found'>;

function rows(folder: string, pieces: TokenPieces): Opened | undefined {
  const dataset = openTokenStore(folder)?.dataset;
  return (
    dataset && {
      ...dataset,
      show(i, tokens) {
        const { file, line, ...part } = previewRow(dataset, i, pieces, tokens);
        const { tokenCount, trainedCount } = part;
        return { file, line, tokenCount, trainedCount, parts: [{ name: 'row', ...part }] };
      },
    }
  );
}

function pairs(folder: string, pieces: TokenPieces): Opened | undefined {
  const dataset = openPairStore(folder)?.dataset;
  return (
    dataset && {
      ...dataset,
      show(i, tokens) {
        const { prompt, chosen, rejected, ...row } = previewPair(dataset, i, pieces, tokens);
        const parts: ShownRow['parts'] = [
          { name: 'prompt', ...prompt },
          { name: 'chosen', ...chosen },
          { name: 'rejected', ...rejected },
        ];
        return { ...row, parts };
      },
    }
  );
}
