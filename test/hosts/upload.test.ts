// POST /upload of `lorelei serve`: who may send, what is written under which name, and that nothing is left of what broke
// off or does not fit.
import { request as httpRequest } from 'node:http';
import { existsSync, readdirSync, readFileSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { answer } from '../../main/app/answer.ts';
import { openApp, type App } from '../../main/app/app.ts';
import { safeName } from '../../main/app/uploads.ts';
import { stopFollowedRuns } from '../../main/app/queue.ts';
import { serve, type Server } from '../../main/hosts/serve.ts';
import { takeUpload } from '../../main/hosts/upload.ts';
import { tempFolder } from '../support/temp-folder.ts';

const folder = tempFolder();
const home = join(folder.path, 'home');
const uploads = join(home, 'uploads');
let app: App;
let server: Server;
let cookie: string;

beforeAll(async () => {
  app = openApp({ launchJob: () => expect.unreachable() }, home);
  let link = '';
  server = await serve(app, { port: 0, pageFolder: folder.path, onLink: (one) => (link = one), patienceMs: 300 });
  cookie = (await fetch(link, { redirect: 'manual' })).headers.get('set-cookie')?.split(';')[0] ?? '';
});
afterAll(async () => {
  await server.close();
  app.history.close();
});
afterEach(() => vi.restoreAllMocks());

type Sent = { status: number | undefined; body: string };
type Order = {
  name?: string;
  headers?: Record<string, string>;
  body: Iterable<Uint8Array | string>;
  breakOff?: boolean;
};

/** Sends a body piece by piece; `breakOff` closes the connection instead of ending it. */
function send({ name = 'a.jsonl', headers = {}, body, breakOff = false }: Order): Promise<Sent> {
  return new Promise((answered, failed) => {
    const sending = httpRequest(
      {
        port: server.port,
        host: '127.0.0.1',
        path: `/upload?name=${encodeURIComponent(name)}`,
        method: 'POST',
        agent: false,
        headers: { 'content-type': 'application/octet-stream', cookie, ...headers },
      },
      (response) => void text(response).then((said) => answered({ status: response.statusCode, body: said }), failed),
    );
    sending.on('error', failed);
    void (async () => {
      for (const piece of body) {
        if (!sending.write(piece)) await new Promise((drained) => sending.once('drain', drained));
        await sleep(0);
      }
      if (breakOff) sending.destroy();
      else sending.end();
    })();
  });
}

const length = (bytes: number) => ({ 'content-length': String(bytes) });
const pathIn = ({ body }: Sent): string => (JSON.parse(body) as { value: { path: string } }).value.path;
const names = (): string[] => (existsSync(uploads) ? readdirSync(uploads).sort() : []);
const rows = '{"text":"The otter swims."}\n';

test.each([
  ['nobody', { cookie: '' }, 401],
  ['a session of another port', { cookie: 'lorelei-1=abc' }, 401],
  ['another site', { origin: 'https://evil.example' }, 403],
  ['a name that was bent to this machine', { host: 'evil.example' }, 403],
  ['a form', { 'content-type': 'multipart/form-data' }, 415],
  ['a text, which a site may send unasked', { 'content-type': 'text/plain' }, 415],
])('%s may not send', async (_name, headers, status) => {
  expect(await send({ headers: { ...length(rows.length), ...headers }, body: [rows] })).toMatchObject({ status });
  expect(names()).toEqual([]);
});

test('a length is asked for first', async () => {
  expect(await send({ headers: { 'transfer-encoding': 'chunked' }, body: [rows] })).toMatchObject({ status: 411 });
  expect(names()).toEqual([]);
});

test('what arrives is there, may be read, and takes longer than other requests may', async () => {
  const piece = Buffer.alloc(1 << 20, 'otter ');
  const start = Date.now();
  function* slowly(): Generator<Uint8Array> {
    for (let i = 0; i < 40; i++) {
      const until = Date.now() + 10;
      while (Date.now() < until);
      yield piece;
    }
  }
  const sent = await send({ name: 'large.txt', headers: length(40 << 20), body: slowly() });
  expect(sent.status).toBe(200);
  expect(Date.now() - start).toBeGreaterThan(300);
  const path = pathIn(sent);
  expect(path).toBe(join(uploads, 'large.txt'));
  expect(statSync(path).size).toBe(40 << 20);
  expect(readFileSync(path).subarray(-piece.length).equals(piece)).toBe(true);
  expect(app.grants.covers(path)).toBe(true);
  if (process.platform !== 'win32') expect(statSync(path).mode & 0o077).toBe(0);
});

test('names are kept as far as they are safe, and none is taken twice', async () => {
  const sendAs = async (name: string): Promise<string> =>
    pathIn(await send({ name, headers: length(rows.length), body: [rows] }));
  expect(await Promise.all([sendAs('rows.jsonl'), sendAs('rows.jsonl')]).then((paths) => paths.sort())).toEqual([
    join(uploads, 'rows-2.jsonl'),
    join(uploads, 'rows.jsonl'),
  ]);
  for (const name of [
    '../../escaped.jsonl',
    '/etc/cron.d/job',
    'C:\\Windows\\evil.csv',
    '..',
    '.',
    '',
    '\0',
    '.bashrc',
  ])
    expect(await sendAs(name)).toMatch(/^.*[/\\]home[/\\]uploads[/\\][^/\\]+$/);
  expect(existsSync(join(home, 'escaped.jsonl')) || existsSync(join(folder.path, 'escaped.jsonl'))).toBe(false);
});

test.each([
  ['notes.jsonl', 'notes.jsonl'],
  ['Größe 5.csv', 'Größe 5.csv'],
  ['../../etc/passwd', 'passwd'],
  ['C:\\data\\rows.csv', 'rows.csv'],
  ['..', 'upload'],
  ['.hidden.json', 'hidden.json'],
  ['CON.txt', '_CON.txt'],
  ['a:b*c?.txt', 'a_b_c_.txt'],
  ['rows.json#list', 'rows.json_list'],
  ['[x]{y}.csv', '_x__y_.csv'],
  ['line\nbreak\u202egnp.txt', 'line_break_gnp.txt'],
  ['\ud800.txt', '_.txt'],
])('the name %j becomes %j', (given, expected) => {
  expect(safeName(given)).toBe(expected);
});

test('a very long name keeps its ending', () => {
  const name = safeName(`${'ä'.repeat(500)}.jsonl`);
  expect(name.endsWith('ä.jsonl')).toBe(true);
  expect(Buffer.byteLength(name)).toBeLessThanOrEqual(200);
});

test('nothing is left of what broke off, nor of what stood still', async () => {
  const before = names();
  await expect(send({ headers: length(5000), body: [rows], breakOff: true })).rejects.toThrow();
  await vi.waitFor(() => expect(names()).toEqual(before));
  // One that says more than it sends, and then nothing: given up.
  const standing = Object.assign(new Readable({ read: () => undefined }), {
    headers: { 'content-type': 'application/octet-stream', ...length(100) },
    complete: false,
  });
  standing.push('x');
  expect(await takeUpload(app, standing as never, 'still.txt', 60)).toBeUndefined();
  expect(names()).toEqual(before);
});

test('what does not fit is refused before it is sent, and while', async () => {
  const before = names();
  const bytes = 2 ** 52;
  const asked = await answer(app, { command: 'uploads.room', input: { name: 'huge.jsonl', bytes } });
  expect(asked).toMatchObject({ ok: false, error: { code: 'disk-full' } });
  const sent = await send({ headers: length(bytes), body: [rows], breakOff: false }).catch(() => undefined);
  if (sent) expect([sent.status, JSON.parse(sent.body)]).toMatchObject([507, { error: { code: 'disk-full' } }]);
  expect(names()).toEqual(before);
});

test('what was left by a program that ended goes with the next upload', async () => {
  const left = folder.write('home/uploads/.upload.partial-1-abc', 'half');
  const fresh = folder.write('home/uploads/.upload.partial-2-abc', 'half');
  utimesSync(left, new Date(0), new Date(0));
  await send({ name: 'next.txt', headers: length(1), body: ['x'] });
  await vi.waitFor(() => expect(existsSync(left)).toBe(false));
  expect(existsSync(fresh)).toBe(true);
});

test('uploads are listed, and removed unless a run needs them', async () => {
  const path = pathIn(await send({ name: 'used.jsonl', headers: length(rows.length), body: [rows] }));
  const list = async () => (await answer(app, { command: 'uploads.list', input: {} })) as { value: { name: string }[] };
  expect((await list()).value[0]).toMatchObject({ name: 'used.jsonl', path, bytes: rows.length });
  const remove = (name: string) => answer(app, { command: 'uploads.remove', input: { name } });
  // Nothing takes the run out of the queue here while it is looked at: the queue moves on every second.
  await stopFollowedRuns(app);
  const queued = { id: 'calm-otter', method: 'sft', recipe: { dataset_name: [path] }, outputDir: home };
  app.history.runs.insert({ ...queued, name: undefined, host: undefined, createdAt: 1, queuePlace: 1 });
  expect(await remove('used.jsonl')).toMatchObject({ ok: false, error: { code: 'upload-in-use' } });
  app.history.runs.remove('calm-otter');
  expect(await remove('used.jsonl')).toMatchObject({ ok: true });
  expect(existsSync(path)).toBe(false);
  for (const name of ['used.jsonl', '../settings.json', '../lorelei.db', '.upload.partial-2-abc'])
    expect(await remove(name)).toMatchObject({ ok: false, error: { code: 'upload-not-found' } });
});
