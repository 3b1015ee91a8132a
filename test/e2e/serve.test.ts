// The window as `lorelei serve` shows it, built, in a real browser, and who it keeps out.
import { spawn, type ChildProcess } from 'node:child_process';
import { rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { chromiumProgram, openChromium } from '../support/chromium.ts';
import { seedHome, type SeededHome } from '../support/seed-history.ts';
import { walkThroughHistory, watchComplaints } from '../support/window-scenario.ts';

let home: SeededHome;
let server: ChildProcess;
const links: string[] = [];

beforeAll(async () => {
  home = seedHome();
  const environment = { ...process.env, LORELEI_HOME: home.folder };
  server = spawn(process.execPath, ['out/main/cli.js', 'serve', '--port', '0'], {
    env: environment,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (!server.stdout) throw new Error('no output to read');
  createInterface(server.stdout).on('line', (line) => {
    const link = /http:\S+/.exec(line)?.[0];
    if (link !== undefined) links.push(link);
  });
  await vi.waitUntil(() => links.length === 1, { timeout: 30_000 });
});

afterAll(() => {
  server.kill();
  home.history.close();
  rmSync(home.folder, { recursive: true, force: true });
});

const newestLink = (): URL => new URL(links.at(-1) ?? '');

/** A signed-in session's cookie; each costs a link. */
async function signIn(): Promise<string> {
  const used = links.length;
  const response = await fetch(newestLink(), { redirect: 'manual' });
  await vi.waitUntil(() => links.length === used + 1, { timeout: 30_000 });
  return response.headers.get('set-cookie')?.split(';')[0] ?? '';
}

function ask(cookie: string, request: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(new URL('/rpc', newestLink()), {
    method: 'POST',
    headers: { 'content-type': 'application/json', cookie, ...headers },
    body: JSON.stringify(request),
  });
}

describe('the door', () => {
  const list = { command: 'runs.list', input: {} };

  test('a link works once', async () => {
    const link = newestLink();
    await signIn();
    expect((await fetch(link, { redirect: 'manual' })).status).toBe(401);
  });

  test('nothing is told without a session', async () => {
    expect((await ask('', list)).status).toBe(401);
    expect((await fetch(new URL('/', newestLink()))).status).toBe(401);
    expect((await fetch(new URL('/events', newestLink()))).status).toBe(401);
  });

  test('another site may not ask, with the cookie neither', async () => {
    const cookie = await signIn();
    expect((await ask(cookie, list)).status).toBe(200);
    expect((await ask(cookie, list, { origin: 'http://example.com' })).status).toBe(403);
  });

  test('files outside the page stay there', async () => {
    const cookie = await signIn();
    for (const path of ['/..%2f..%2fpackage.json', '/%2e%2e/main/cli.js', '/..%2fmain%2fcli.js', '/%']) {
      const response = await fetch(new URL(path, newestLink()), { headers: { cookie } });
      expect([path, response.status]).toEqual([path, 404]);
    }
  });

  test('what the contract does not have is refused', async () => {
    const cookie = await signIn();
    for (const request of [{ command: 'toString', input: {} }, { command: 'run.show', input: { id: 7 } }, 'x', null]) {
      const answer = (await (await ask(cookie, request)).json()) as { ok: boolean; error: { code: string } };
      expect([answer.ok, answer.error.code]).toEqual([false, 'bad-request']);
    }
    const missing = await ask(cookie, { command: 'run.show', input: { id: 'nobody' } });
    expect(await missing.json()).toMatchObject({ ok: false, error: { code: 'run-not-found' } });
  });
});

test.skipIf(chromiumProgram === undefined)('a person looks through the history', async () => {
  const { context, close } = await openChromium();
  try {
    const page = await context.newPage();
    const complaints = watchComplaints(page);
    await page.goto(newestLink().href);
    await walkThroughHistory(page, home, 'serve');
    expect(complaints).toEqual([]);
  } finally {
    await close();
  }
});
