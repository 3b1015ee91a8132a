// Ways into `lorelei serve` that a browser does not take: other names and origins, tunnels, bodies without a length,
// requests that never end, and too many of them.
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openApp, type App } from '../../main/app/app.ts';
import { serve, type Server } from '../../main/hosts/serve.ts';
import { Pace } from '../../main/hosts/pace.ts';
import { tempFolder } from '../support/temp-folder.ts';

const folder = tempFolder();
const links: string[] = [];
let app: App;
let server: Server;
let cookie: string;

beforeAll(async () => {
  const launchJob = (): never => expect.unreachable();
  app = openApp({ launchJob }, join(folder.path, 'home'));
  const onLink = (link: string): void => void links.push(link);
  server = await serve(app, { port: 0, pageFolder: folder.path, onLink, patienceMs: 400 });
  const response = await fetch(links[0] ?? '', { redirect: 'manual' });
  cookie = response.headers.get('set-cookie')?.split(';')[0] ?? '';
});
afterAll(async () => {
  await server.close();
  app.history.close();
});

type Asked = { status: number | undefined; body: string };

/** Asks with headers that fetch would not send, and the body in pieces, without its length. */
function ask(
  headers: Record<string, string>,
  pieces: string[] = ['{"command":"runs.list","input":{}}'],
): Promise<Asked> {
  return new Promise((answered, failed) => {
    const asking = httpRequest(
      {
        port: server.port,
        host: '127.0.0.1',
        path: '/rpc',
        method: 'POST',
        agent: false,
        headers: { 'content-type': 'application/json', cookie, ...headers },
      },
      (response: IncomingMessage) =>
        void text(response).then((body) => answered({ status: response.statusCode, body }), failed),
    );
    asking.on('error', failed);
    for (const piece of pieces) asking.write(piece);
    asking.end();
  });
}

const list = '{"command":"runs.list","input":{}}';
const sized = { 'content-length': String(list.length) };

test.each([
  ['its own name', {}],
  ['a tunnel at another port', { host: 'localhost:9999', origin: 'http://localhost:9999' }],
  ['a tunnel over IPv6', { host: '[::1]:1234', origin: 'http://[::1]:1234' }],
])('%s is let in', async (_name, headers) => {
  expect(await ask({ ...sized, ...headers }, [list])).toMatchObject({ status: 200, body: '{"ok":true,"value":[]}' });
});

test.each([
  ['a name that was bent to this machine', { host: 'evil.example' }],
  ['a name that begins like ours', { host: '127.0.0.1.evil.example' }],
  ['an address of the network', { host: '192.168.0.7:80' }],
  ['another port of this machine', { host: 'localhost:9999', origin: 'http://localhost:9998' }],
  ['another name of this machine', { host: 'localhost:9999', origin: 'http://127.0.0.1:9999' }],
  ['a page without an origin', { origin: 'null' }],
  ['a safe page elsewhere', { host: 'localhost:9999', origin: 'https://localhost:9999' }],
])('%s is not', async (_name, headers) => {
  expect(await ask({ ...sized, ...headers }, [list])).toMatchObject({ status: 403 });
});

test('a form or a text is not a command, and a session of another port is none', async () => {
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data'])
    expect(await ask({ ...sized, 'content-type': type }, [list])).toMatchObject({ status: 415 });
  const another = cookie.replace(/^lorelei-\d+/, 'lorelei-1');
  expect(await ask({ ...sized, cookie: another }, [list])).toMatchObject({ status: 401 });
});

test('a body is not read without its length, nor beyond a megabyte', async () => {
  expect(await ask({ 'transfer-encoding': 'chunked' }, [list])).toMatchObject({ status: 413 });
  expect(
    await ask({ 'content-length': String(2 ** 20 + 1) }, [' '.repeat(2 ** 20 + 1)]).catch(() => ({ status: 413 })),
  ).toMatchObject({ status: 413 });
});

test.each([
  ['headers', 'POST /rpc HTTP/1.1\r\nHost: 127.0.0.1\r\nX: '],
  [
    'a body',
    () =>
      `POST /rpc HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nCookie: ${cookie}\r\nContent-Length: 100\r\n\r\n{`,
  ],
])('%s that never end are cut off', async (_name, start) => {
  const began = Date.now();
  const socket = connect(server.port, '127.0.0.1');
  socket.write(typeof start === 'string' ? start : start());
  const drops = setInterval(() => socket.write(' '), 50);
  socket.on('error', () => undefined);
  socket.resume();
  await new Promise((closed) => socket.once('close', closed));
  clearInterval(drops);
  expect(Date.now() - began).toBeGreaterThanOrEqual(300);
});

test('who tries links is told to wait, and keeps nobody out who has the right one', async () => {
  const open = (secret: string): Promise<Response> =>
    fetch(`http://127.0.0.1:${server.port}/?secret=${secret}`, { redirect: 'manual' });
  const statuses: number[] = [];
  for (let guess = 0; guess < 12; guess++) statuses.push((await open(`guess-${guess}`)).status);
  expect(statuses).toEqual([...Array<number>(10).fill(401), 429, 429]);
  expect((await fetch(links.at(-1) ?? '', { redirect: 'manual' })).status).toBe(303);
});

test('more calls than any window makes are put off', async () => {
  const statuses = new Set<number | undefined>();
  let last: Asked = { status: undefined, body: '' };
  for (let call = 0; call < 700 && last.status !== 429; call++) {
    last = await ask(sized, [list]);
    statuses.add(last.status);
  }
  expect([...statuses]).toEqual([200, 429]);
  expect(JSON.parse(last.body)).toMatchObject({ ok: false, error: { code: 'too-many-requests' } });
});

test('a pace forgets what is past', () => {
  let now = 0;
  const pace = new Pace(2, 1000, () => now);
  const allowed = [0, 400, 500, 999, 1000, 1200, 1400].map((at) => {
    now = at;
    return pace.allows();
  });
  expect(allowed).toEqual([true, true, false, false, true, false, true]);
});
