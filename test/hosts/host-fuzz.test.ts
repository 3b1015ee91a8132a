// Whatever reaches a host, its program goes on: bodies over HTTP that are no request of ours, and requests over
// Electron's channel, from our page and from elsewhere. What well-formed requests are answered is contract-fuzz's affair.
import { mkdirSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { openApp, type App } from '../../main/app/app.ts';
import { serve, type Server } from '../../main/hosts/serve.ts';
import { pick, randomOf, type Random } from '../support/random.ts';
import { tempFolder } from '../support/temp-folder.ts';

type Handler = (event: unknown, request: unknown) => Promise<unknown>;
const electron = vi.hoisted(() => ({ handlers: new Map<string, (event: never, request: unknown) => unknown>() }));
vi.mock('electron', () => ({
  BrowserWindow: { getAllWindows: () => [] },
  ipcMain: { handle: (channel: string, handler: Handler) => electron.handlers.set(channel, handler) },
  protocol: { registerSchemesAsPrivileged: () => undefined, handle: () => undefined },
}));
const { openChannels } = await import('../../main/hosts/electron/page-channels.ts');

const folder = tempFolder();
const complaints = vi.spyOn(console, 'error').mockImplementation(() => undefined);
let app: App;

beforeAll(() => {
  mkdirSync(join(folder.path, 'page'));
  app = openApp({ launchJob: () => expect.unreachable() }, join(folder.path, 'home'));
});
afterAll(() => app.history.close());

const list = { command: 'runs.list', input: {} };
const keys = [
  'command',
  'input',
  'task',
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  'then',
];
const leaves = ['null', 'true', '7', '1e999', '-0', '"runs.list"', '"__proto__"', '"\\ud800"', '""', '[]', '{}'];

/** JSON of any shape, with keys that reach for a prototype. Duplicate keys are left as they are. */
function jsonOf(random: Random, depth = 0): string {
  const kind = random();
  if (depth > 4 || kind < 0.4) return pick(random, leaves);
  const count = Math.floor(random() * 4);
  const parts = Array.from({ length: count }, () => jsonOf(random, depth + 1));
  return kind < 0.6 ? `[${parts.join(',')}]` : `{${parts.map((part) => `"${pick(random, keys)}":${part}`).join(',')}}`;
}

/** A request with a few bytes changed, left out or doubled. */
function damaged(random: Random): Buffer {
  const bytes = [...Buffer.from(JSON.stringify({ ...list, task: 'a task' }))];
  for (let left = 1 + random() * 4; left > 1; left--) {
    const at = Math.floor(random() * bytes.length);
    if (random() < 0.4) bytes[at] = Math.floor(random() * 256);
    else if (random() < 0.5) bytes.splice(at, 1 + Math.floor(random() * 8));
    else bytes.splice(at, 0, ...bytes.slice(at, at + 8));
  }
  return Buffer.from(bytes);
}

const untouched = (): void => {
  expect(complaints.mock.calls).toEqual([]);
  expect(Object.keys(Object.prototype)).toEqual([]);
  expect(({} as Record<string, unknown>)['input']).toBeUndefined();
};

describe('over HTTP', () => {
  let server: Server;
  let cookie: string;

  /** A server lets through 600 calls within ten seconds: each takes a share of them. */
  async function freshServer(): Promise<void> {
    let link = '';
    server = await serve(app, { port: 0, pageFolder: join(folder.path, 'page'), onLink: (one) => (link ||= one) });
    const response = await fetch(link, { redirect: 'manual' });
    cookie = response.headers.get('set-cookie')?.split(';')[0] ?? '';
  }

  function send(body: Buffer, headers: Record<string, string> = {}): Promise<{ status: number; body: string }> {
    return new Promise((answered, failed) => {
      const asking = httpRequest(
        {
          port: server.port,
          host: '127.0.0.1',
          path: '/rpc',
          method: 'POST',
          headers: { 'content-type': 'application/json', 'content-length': String(body.length), cookie, ...headers },
        },
        (response) =>
          void text(response).then((said) => answered({ status: response.statusCode ?? 0, body: said }), failed),
      );
      asking.on('error', failed);
      asking.end(body);
    });
  }

  test('bodies of every kind are answered in words, and the next request as ever', async () => {
    const seen = new Set<number>();
    for (let round = 0; round < 4; round++) {
      await freshServer();
      for (let i = 0; i < 500; i++) {
        const random = randomOf(1000 * round + i);
        const body = i % 2 === 0 ? Buffer.from(jsonOf(random)) : damaged(random);
        const reply = await send(body);
        const shown = `seed ${String(1000 * round + i)}: ${body.toString()}`;
        expect([200, 400], shown).toContain(reply.status);
        seen.add(reply.status);
        if (reply.status === 400) expect(reply.body, shown).toMatch(/^Not JSON: /);
        else if (!(JSON.parse(reply.body) as { ok: boolean }).ok)
          expect(JSON.parse(reply.body), shown).toMatchObject({ error: { code: 'bad-request', fix: /./ } });
        untouched();
      }
      expect(await send(Buffer.from(JSON.stringify(list)))).toMatchObject({ status: 200, body: /"ok":true/ });
      await server.close();
    }
    expect([...seen].toSorted()).toEqual([200, 400]);
  });

  test('what is huge or deep is refused without harm', async () => {
    await freshServer();
    const megabyte = 2 ** 20;
    const deep = `${'['.repeat(megabyte / 2)}${']'.repeat(megabyte / 2)}`;
    const long = JSON.stringify({ ...list, input: { id: 'x'.repeat(megabyte - 100) } });
    const wide = `{"command":"runs.list","input":{${Array.from({ length: 50_000 }, (_, i) => `"k${String(i)}":1`).join(',')}}}`;
    for (const body of [deep, long, wide]) {
      expect(body.length).toBeLessThanOrEqual(megabyte);
      const reply = await send(Buffer.from(body));
      expect(reply.status === 400 || /"code":"bad-request"/.test(reply.body), body.slice(0, 40)).toBe(true);
    }
    const tooLong = Buffer.alloc(megabyte + 1, ' ');
    const refused = await send(tooLong).then(
      ({ status }) => status,
      () => 'cut off',
    );
    expect([413, 'cut off']).toContain(refused);
    for (const length of ['-1', '1e9', '0x10', 'NaN', ' ', '7, 7'])
      await send(Buffer.from('{}'), { 'content-length': length }).catch(() => undefined);
    expect(await send(Buffer.from(JSON.stringify(list)))).toMatchObject({ status: 200, body: /"ok":true/ });
    untouched();
    await server.close();
  });
});

describe('over Electron’s channel', () => {
  const own = { senderFrame: { url: 'app://lorelei/index.html', parent: null } };
  const invoke = (event: unknown, request: unknown, channel = 'rpc'): Promise<unknown> =>
    Promise.resolve().then(() => electron.handlers.get(channel)?.(event as never, request));

  beforeAll(() => openChannels(app));

  test('two channels are open, and what comes from elsewhere is not looked at', async () => {
    expect([...electron.handlers.keys()]).toEqual(['rpc', 'dropped']);
    expect(await invoke(own, list)).toEqual({ ok: true, value: [] });
    const reads = vi.fn();
    const watched: unknown = new Proxy({}, { get: reads, has: reads, ownKeys: reads });
    const urls = [
      'about:blank',
      '',
      'app://lorelei.example/',
      'app://lorelei@x/',
      'https://lorelei/',
      'file:///a',
      'data:,',
    ];
    const elsewhere = [
      ...urls.map((url) => ({ senderFrame: { url, parent: null } })),
      { senderFrame: null },
      { senderFrame: { ...own.senderFrame, parent: own.senderFrame } },
    ];
    for (const channel of ['rpc', 'dropped'])
      for (const event of elsewhere)
        await expect(invoke(event, watched, channel)).rejects.toThrow('refused a request from');
    expect(reads).not.toHaveBeenCalled();
  });

  test('what was dropped is a list of paths that are whole, or nothing', async () => {
    const nothing = [
      undefined, null, 7n, '', '/', {}, [], [''], ['relative'], ['\0'], [1], [['/']], [null], new Map(), ['../..'],
      Array(10_001).fill('/'), { 0: '/', length: 1 },
    ]; // prettier-ignore
    for (const told of nothing)
      expect(await invoke(own, told, 'dropped')).toMatchObject({ ok: false, error: { code: 'nothing-dropped' } });
    const nul = await invoke(own, ['/etc\0/passwd'], 'dropped');
    expect(nul).toMatchObject({ ok: false, error: { code: 'path-unusable' } });
    expect(app.grants.covers('/etc')).toBe(false);
    untouched();
  });

  test('whatever our page sends is answered, never thrown', async () => {
    // What structured cloning carries and JSON does not.
    const cyclic: Record<string, unknown> = { command: 'runs.list' };
    cyclic['input'] = cyclic;
    const odd: unknown[] = [
      undefined, null, 7n, Number.NaN, Symbol.iterator, new Date(Number.NaN), new Map([[{}, 1]]), new Set([1]), /x/,
      new ArrayBuffer(8), new Uint8Array(1e6), new Error('x'), cyclic, Object.create(null), Array(1e5), () => 1,
      'x'.repeat(1e6), JSON.parse('{"__proto__":{"command":"runs.list"}}'), JSON.parse('{"constructor":{"prototype":{}}}'),
    ]; // prettier-ignore
    const commands = ['runs.list', 'run.show', 'settings.load', '__proto__', 'constructor', 'toString', '', ...odd];
    for (let seed = 0; seed < 3000; seed++) {
      const random = randomOf(seed);
      const parts = { command: pick(random, commands), input: pick(random, odd), task: pick(random, [...odd, 'a']) };
      const request = random() < 0.2 ? pick(random, odd) : parts;
      const result = (await invoke(own, request)) as { ok: boolean };
      // "settings.load" and an object without anything in it is a proper request.
      if (!result.ok) expect(result, `seed ${String(seed)}`).toMatchObject({ error: { code: 'bad-request' } });
      else expect(Object.keys(parts.input ?? {}), `seed ${String(seed)}`).toEqual([]);
    }
    untouched();
    expect(await invoke(own, list)).toEqual({ ok: true, value: [] });
  });
});
