// JSON files: a list of rows, or an object that holds one somewhere inside. Which list is taken is said in a note;
// where several different ones could be meant, the choice is the user's.
import { UserError } from '../../errors.ts';
import type { Row } from '../types.ts';
import { JsonScanner, type JsonElement } from './json-scanner.ts';
import { shortReason } from './jsonl.ts';
import { kindOf, rowValues, type ReadContext, type RowReader } from './reader.ts';
import { splitOfName } from './splits.ts';
import { readUtf8 } from './utf8.ts';

/** A list of rows inside a JSON object. */
type RowList = { path: string; rows: number; columns: Set<string> };

const ROWS_TO_LEARN_COLUMNS = 50;

export const readJson: RowReader = async function* (path, context) {
  let chosen: Set<string> | undefined;
  if ((await rootKind(path, context)) === 'object') {
    const lists = await findRowLists(path, context);
    const taken = chooseLists(lists, context);
    chosen = new Set(taken.map((list) => list.path));
    const rest = lists.filter((list) => !chosen?.has(list.path));
    context.note(
      `${context.label}: rows are taken from ${listNames(taken)}` +
        (rest.length > 0 ? `; left out: ${listNames(rest)} (add #<name> to the file name to choose)` : ''),
    );
  }
  for await (const element of elements(path, context, context.onBytes)) {
    if (chosen && !chosen.has(element.path)) continue;
    const parsed = parseElement(element, context);
    const values = rowValues(parsed);
    if (values) yield { values, file: context.label, line: element.line } satisfies Row;
    else context.invalid(element.line, `the list holds ${kindOf(parsed)}, not an object with columns`);
  }
};

async function* elements(
  path: string,
  context: ReadContext,
  onBytes?: (bytes: number) => void,
): AsyncGenerator<JsonElement> {
  const scanner = new JsonScanner(context.label);
  for await (const piece of readUtf8(path, context.label, onBytes, context.signal)) yield* scanner.push(piece);
  scanner.end();
}

async function rootKind(path: string, context: ReadContext): Promise<JsonScanner['root']> {
  const scanner = new JsonScanner(context.label);
  for await (const piece of readUtf8(path, context.label)) {
    scanner.push(piece).next();
    if (scanner.root === undefined) continue;
    if (scanner.root === 'scalar') throw noRows(context, 'it holds a single value');
    return scanner.root;
  }
  scanner.end();
  return undefined;
}

async function findRowLists(path: string, context: ReadContext): Promise<RowList[]> {
  const lists = new Map<string, RowList>();
  const scanner = new JsonScanner(context.label);
  for await (const piece of readUtf8(path, context.label, undefined, context.signal)) {
    for (const element of scanner.push(piece)) {
      if (!/^\s*[{[]/.test(element.text)) continue;
      const list = lists.get(element.path) ?? { path: element.path, rows: 0, columns: new Set() };
      lists.set(element.path, list);
      if (++list.rows <= ROWS_TO_LEARN_COLUMNS) {
        for (const column of Object.keys(rowValues(parseElement(element, context)) ?? {})) list.columns.add(column);
      }
    }
  }
  scanner.end();
  if (lists.size === 0) {
    const keys = scanner.rootKeys.slice(0, 12).map((key) => `"${key}"`);
    throw noRows(context, `it is an object with ${keys.length > 0 ? `the keys ${keys.join(', ')}` : 'no keys'}`);
  }
  return [...lists.values()];
}

/** The lists asked for by name, else those of the split, provided that they all hold the same kind of row. */
function chooseLists(lists: RowList[], context: ReadContext): RowList[] {
  if (context.path !== undefined) {
    const wanted = context.path;
    const named = lists.filter((list) => pathMatches(list.path, wanted));
    if (named.length > 0) return named;
    throw new UserError({
      code: 'dataset-no-such-list',
      message: `${context.label} holds no list of rows at "${wanted}". It holds ${listNames(lists)}.`,
      fix: `Write one of these names after the #: ${context.label}#${lists[0]?.path ?? ''}`,
    });
  }
  const bySplit = lists.filter((list) => splitOfName(list.path.split('.')[0] ?? '') === context.split);
  const candidates = bySplit.length > 0 ? bySplit : lists;
  const [first, ...others] = candidates;
  if (first && others.every((list) => overlap(list.columns, first.columns))) return candidates;
  throw new UserError({
    code: 'dataset-ambiguous-lists',
    message: `${context.label} holds several different lists of rows: ${listNames(candidates, true)}.`,
    fix: `Say which one is meant: ${context.label}#${first?.path ?? ''}`,
  });
}

/** Rows of one kind share at least their main columns; optional ones may be missing. */
function overlap(a: Set<string>, b: Set<string>): boolean {
  const [small, large] = a.size <= b.size ? [a, b] : [b, a];
  return small.isSubsetOf(large);
}

function pathMatches(path: string, wanted: string): boolean {
  const names = path.split('.');
  return wanted.split('.').every((name, i) => name === '*' || name === names[i]);
}

function listNames(lists: RowList[], withColumns = false): string {
  return lists
    .slice(0, 12)
    .map((list) => `${list.path} (${String(list.rows)} rows${withColumns ? `: ${[...list.columns].join(', ')}` : ''})`)
    .join(', ');
}

function parseElement(element: JsonElement, context: ReadContext): unknown {
  try {
    return JSON.parse(element.text) as unknown;
  } catch (error) {
    throw new UserError(
      {
        code: 'dataset-bad-json',
        message: `${context.label}:${String(element.line)}: the row that begins here is not valid JSON: ${shortReason(error)}.`,
        fix: 'Write the file again with a JSON library, or convert it to JSON lines, where single bad lines are left out.',
      },
      { cause: error },
    );
  }
}

function noRows(context: ReadContext, what: string): UserError {
  return new UserError({
    code: 'dataset-no-rows',
    message: `${context.label} holds no list of rows: ${what}.`,
    fix: 'Use a list of objects, [{"prompt": …, "completion": …}, …], or an object with such a list inside.',
  });
}
