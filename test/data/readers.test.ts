// Each file format: rows with their lines, what is reported and left out, what is refused and how.
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { tempFolder } from '../support/temp-folder.ts';
import { readAll } from './read-all.ts';

const folder = tempFolder();
const fixtures = join(import.meta.dirname, 'fixtures');

/** What refusing a file says: "code | message | fix". */
async function refusal(file: string): Promise<string> {
  const error: unknown = await readAll(file).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof Error && 'code' in error && 'fix' in error) {
    return [error.code, error.message, error.fix].map(String).join(' | ').replaceAll(folder.path, '');
  }
  throw new Error(`not refused: ${String(error)}`);
}

describe('JSON lines', () => {
  test('objects, lists of messages, blank lines, CRLF, byte order mark, no last line end', async () => {
    const file = folder.write(
      'a.jsonl',
      '\uFEFF{"text": "één"}\r\n\r\n[{"role": "user", "content": "x"}]\r\n{"text": 2}',
    );
    const { rows, invalid } = await readAll(file);
    expect(rows).toEqual([
      { values: { text: 'één' }, file, line: 1 },
      { values: { messages: [{ role: 'user', content: 'x' }] }, file, line: 3 },
      { values: { text: 2 }, file, line: 4 },
    ]);
    expect(invalid).toEqual([]);
  });

  test('a bad line in between is reported with its number and left out', async () => {
    const { values, invalid } = await readAll(folder.write('b.jsonl', '{"a":1}\n{"a":\n[1,2]\n"x"\n{"a":2}\n'));
    expect(values).toEqual([{ a: 1 }, { a: 2 }]);
    expect(invalid[0]).toMatch(/^2: not valid JSON/);
    expect(invalid.slice(1)).toEqual([
      '3: the line holds a list, not an object with columns',
      '4: the line holds a string, not an object with columns',
    ]);
  });

  test.each([
    ['{\n  "text": "a"\n}\n', /pretty-printed \| \/p.jsonl:1 holds only "\{"/],
    ['[\n  {"text": "a"}\n]\n', /pretty-printed .* rename it to end in .json/],
    ['not json at all\nnor this\n', /bad-json-lines \| No line of .*:1: not valid JSON/],
  ])('%j is refused', async (content, expected) => {
    expect(await refusal(folder.write('p.jsonl', content))).toMatch(expected);
  });

  test('characters that lie across two reads stay whole', async () => {
    const text = '€ünï😀'.repeat(120_000);
    const { values } = await readAll(folder.write('wide.jsonl', `{"text":"${text}"}\n{"text":"end"}\n`));
    expect(values[0]?.text === text).toBe(true);
    expect(values[1]).toEqual({ text: 'end' });
  });
});

describe('JSON', () => {
  test('a list: rows with the line where each begins', async () => {
    const file = folder.write('list.json', '[\n  {"a": "x]}\\"",\n   "b": [1, {"c": 2}]},\n\n  {"a": "y"}\n]\n');
    const { rows } = await readAll(file);
    expect(rows).toEqual([
      { values: { a: 'x]}"', b: [1, { c: 2 }] }, file, line: 2 },
      { values: { a: 'y' }, file, line: 5 },
    ]);
  });

  test('an object that holds the list, and says so', async () => {
    const file = folder.write('object.json', '{"version": 1, "data": [{"a": 1}, {"a": 2}], "tags": ["x", "y"]}');
    const { values, notes } = await readAll(file);
    expect(values).toEqual([{ a: 1 }, { a: 2 }]);
    expect(notes).toEqual([`${file}: rows are taken from data (2 rows)`]);
  });

  const splits = JSON.stringify({
    id: 'x',
    train: { articles: { samples: [{ q: 1, id: 'a' }] }, posts: { samples: [{ q: 2 }] } },
    test: { articles: { samples: [{ q: 3 }] } },
  });
  test('splits inside an object: the one asked for, joined over categories', async () => {
    const file = folder.write('splits.json', splits);
    expect((await readAll(file)).values.map((row) => row.q)).toEqual([1, 2]);
    expect((await readAll(file)).notes[0]).toContain('left out: test.articles.samples (1 rows)');
    expect((await readAll(file, 'test')).values).toEqual([{ q: 3 }]);
    expect((await readAll(`${file}#train.posts`)).values).toEqual([{ q: 2 }]);
    expect((await readAll(`${file}#*.articles`)).values.map((row) => row.q)).toEqual([1, 3]);
    expect(await refusal(`${file}#valid`)).toMatch(/no-such-list .*"valid".*train.articles.samples \(1 rows\)/);
  });

  test('several different lists are refused with the choices', async () => {
    const file = folder.write('ambiguous.json', '{"people": [{"name": 1}], "towns": [{"place": 2}]}');
    const said = await refusal(file);
    expect(said).toMatch(/ambiguous-lists .*people \(1 rows: name\), towns \(1 rows: place\)/);
    expect(said).toContain('#people');
    expect((await readAll(`${file}#towns`)).values).toEqual([{ place: 2 }]);
  });

  test('lists of messages as rows, and JSON lines that are named .json', async () => {
    const lists = folder.write('lists.json', '[[{"role":"user","content":"a"}],[{"role":"user","content":"b"}]]');
    expect((await readAll(lists)).values.map((row) => Object.keys(row))).toEqual([['messages'], ['messages']]);
    const lines = folder.write('lines.json', '{"a": 1}\n{"a": 2}\n');
    expect((await readAll(lines)).values).toEqual([{ a: 1 }, { a: 2 }]);
  });

  test.each([
    ['[{"a": 1}, {"a": 2}', /bad-json .*:1 is not valid JSON: it ends in the middle/],
    ['[{"a": 1},\n{"a": tru}]', /bad-json .*:2: the row that begins here is not valid JSON/],
    ['[{"a": 1}] x', /bad-json .*there is more after the end: "x"/],
    ['{"a": 1, "b": {"c": [1, 2]}}', /no-rows .*keys "a", "b"/],
    ['"text"', /no-rows .*single value/],
    ['   \n ', /bad-json .*only blanks/],
    ['{"a": [}]}', /bad-json/],
  ])('%j is refused', async (content, expected) => {
    expect(await refusal(folder.write('bad.json', content))).toMatch(expected);
  });

  test('a row that lies across many reads', async () => {
    const text = 'long [text] {with} "quotes" \\ and\nlines '.repeat(20_000);
    const file = folder.write('wide.json', JSON.stringify({ deep: { rows: [{ text }, { text: 'b' }] } }, null, 1));
    const { values } = await readAll(file);
    expect(values[0]?.text === text).toBe(true);
    expect(values[1]).toEqual({ text: 'b' });
  });
});

describe('CSV and TSV', () => {
  test('quotes, line ends inside fields, CRLF, byte order mark; lines are those of the file', async () => {
    const file = folder.write('a.csv', '\uFEFFprompt,completion\r\n"a, ""b""","x\r\ny"\r\n\r\nheight 5" tall,z\r\n');
    const { rows } = await readAll(file);
    expect(rows).toEqual([
      { values: { prompt: 'a, "b"', completion: 'x\r\ny' }, file, line: 2 },
      { values: { prompt: 'height 5" tall', completion: 'z' }, file, line: 5 },
    ]);
  });

  test('records with too many or too few fields are reported and left out', async () => {
    const { values, invalid } = await readAll(folder.write('b.csv', 'a,b\n1,2\n3\n4,5,6\n7,8\n'));
    expect(values).toEqual([
      { a: '1', b: '2' },
      { a: '7', b: '8' },
    ]);
    expect(invalid.map((text) => text.split(':')[0])).toEqual(['3', '4']);
  });

  test('semicolons, tabs', async () => {
    const semicolons = await readAll(folder.write('semi.csv', 'a;b\n1;x, y\n'));
    expect(semicolons.values).toEqual([{ a: '1', b: 'x, y' }]);
    expect(semicolons.notes[0]).toContain('";"');
    expect((await readAll(folder.write('t.tsv', 'a\tb\nx, y\t"z"\n'))).values).toEqual([{ a: 'x, y', b: 'z' }]);
  });

  test('a quote that never closes, a column named twice', async () => {
    expect(await refusal(folder.write('open.csv', 'a,b\n1,2\n"3,4\n5,6\n'))).toMatch(/bad-csv .*line 3 opens a quote/);
    expect(await refusal(folder.write('twice.csv', 'a,b,a\n1,2,3\n'))).toMatch(/repeated-column .*"a" twice/);
  });
});

describe('Parquet', () => {
  test.each(['snappy', 'zstd', 'gzip', 'none'])('%s, over several row groups', async (codec) => {
    const { rows } = await readAll(join(fixtures, `questions-${codec}.parquet`));
    expect(rows.length).toBe(40);
    expect(rows[0]?.values).toMatchObject({ question: 'What is 0 + 0?', answer: '0' });
    expect(rows[39]).toMatchObject({ line: 40, values: { question: 'What is 39 + 39?', answer: '78' } });
    expect(rows[7]?.values.answer ?? null).toBeNull();
  });

  test('lists of objects', async () => {
    const { values } = await readAll(join(fixtures, 'chats.parquet'));
    expect(values[0]).toEqual({
      messages: [
        { role: 'user', content: 'Hi ☕' },
        { role: 'assistant', content: 'Hello' },
      ],
    });
  });

  test('damaged files', async () => {
    expect(await refusal(folder.write('cut.parquet', 'PAR1 and then nothing'))).toMatch(/bad-parquet/);
    expect(await refusal(folder.write('not.parquet', '{"a": 1}'))).toMatch(
      /format-mismatch .*does not begin with "PAR1"/,
    );
    expect(await refusal(folder.write('is.jsonl', 'PAR1PAR1'))).toMatch(/format-mismatch .*is a Parquet file/);
  });
});

describe('plain text', () => {
  test('paragraphs, with the line where each begins', async () => {
    const { rows } = await readAll(folder.write('a.txt', '\n\none\ntwo\n\n  \nthree\n'));
    expect(rows.map(({ values, line }) => [values.text, line])).toEqual([
      ['one\ntwo', 3],
      ['three', 7],
    ]);
  });

  test('without blank lines every line is a row', async () => {
    const { rows, notes } = await readAll(folder.write('b.txt', 'one\r\ntwo\r\nthree'));
    expect(rows.map(({ values, line }) => [values.text, line])).toEqual([
      ['one', 1],
      ['two', 2],
      ['three', 3],
    ]);
    expect(notes[0]).toContain('one row per line');
    const many = Array.from({ length: 5000 }, (_, i) => `line ${String(i + 1)}`);
    const long = await readAll(folder.write('c.txt', `${many.join('\n')}\n`));
    expect(long.rows.map((row) => row.values.text)).toEqual(many);
    expect(long.rows[4999]?.line).toBe(5000);
  });
});

describe('files that are no data', () => {
  test('bytes that are not UTF-8: line, offset and the way out', async () => {
    const latin = Buffer.concat([
      Buffer.from('{"text": "ok é"}\n{"text": "caf'),
      Buffer.from([0xe9]),
      Buffer.from('"}\n'),
    ]);
    expect(await refusal(folder.write('latin.jsonl', latin))).toMatch(
      /not-utf8 \| \/latin.jsonl:2 is not UTF-8: byte 0xE9 at offset 31 .*cp1252.* \| Convert it: iconv -f cp1252 -t utf-8/,
    );
    const cut = Buffer.from('text €').subarray(0, -1);
    expect(await refusal(folder.write('cut.txt', cut))).toMatch(/not-utf8 .*:1 .*byte 0xE2 at offset 5/);
    const far = Buffer.concat([Buffer.from('é'.repeat(300_000) + '\n'), Buffer.from([0x80])]);
    expect(await refusal(folder.write('far.txt', far))).toMatch(/:2 is not UTF-8: byte 0x80 at offset 600001/);
  });

  test.each([
    ['empty.jsonl', '', /dataset-empty/],
    [
      'pointer.csv',
      'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 123\n',
      /lfs-pointer .*123 bytes.*git lfs pull/,
    ],
    ['page.json', '<!DOCTYPE html><html>', /web-page/],
    ['data.xlsx', 'PK\x03\x04', /compressed .*zip/],
    ['data.weights', 'abc', /format-unknown .*".weights".*\.jsonl/],
  ])('%s', async (name, content, expected) => {
    expect(await refusal(folder.write(name, content))).toMatch(expected);
  });

  test('UTF-16', async () => {
    expect(await refusal(folder.write('wide.csv', Buffer.from('\uFEFFa,b\n1,2\n', 'utf16le')))).toMatch(/UTF-16/);
  });

  test.skipIf(process.getuid?.() === 0)('a file that may not be read', async () => {
    const file = folder.write('secret.jsonl', '{"text": "x"}');
    chmodSync(file, 0);
    expect(await refusal(file)).toMatch(/dataset-unreadable/);
  });

  test('only a header', async () => {
    expect((await readAll(folder.write('head.csv', 'a,b\n'))).rows).toEqual([]);
  });
});

describe('which files', () => {
  test('globs and folders in natural order, without prose; splits by name', async () => {
    for (const name of ['part-10.jsonl', 'part-2.jsonl', 'README.md']) {
      folder.write(join('parts', name), `{"from": "${name}"}\n`);
    }
    const from = async (pattern: string, split?: 'train' | 'test') =>
      (await readAll(join(folder.path, pattern), split)).values.map((row) => row.from);
    expect(await from('parts')).toEqual(['part-2.jsonl', 'part-10.jsonl']);
    expect(await from('parts/*-1*.jsonl')).toEqual(['part-10.jsonl']);
    for (const name of ['train.jsonl', 'valid.jsonl', 'test-00000-of-00001.jsonl']) {
      folder.write(join('splits', name), `{"from": "${name}"}\n`);
    }
    expect(await from('splits')).toEqual(['train.jsonl']);
    expect(await from('splits', 'test')).toEqual(['test-00000-of-00001.jsonl', 'valid.jsonl']);
  });

  test('what is not there', async () => {
    expect(await refusal(join(folder.path, 'no.jsonl'))).toMatch(/dataset-not-found/);
    expect(await refusal(join(folder.path, 'no*.jsonl'))).toMatch(/No file matches/);
    expect(await refusal('someone/some-dataset')).toMatch(/dataset-not-found .*hub: download/);
    folder.write('prose/README.md', 'x');
    expect(await refusal(join(folder.path, 'prose'))).toMatch(/has no data files/);
  });
});
