// The page's own scheme in the desktop app: which addresses are the page's, and that no other file of the disk is read.
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { tempFolder } from '../support/temp-folder.ts';

const electron = vi.hoisted(() => ({ handler: undefined as ((request: unknown) => Promise<Response>) | undefined }));
vi.mock('electron', () => ({
  protocol: {
    registerSchemesAsPrivileged: () => undefined,
    handle: (_scheme: string, handler: (request: unknown) => Promise<Response>) => (electron.handler = handler),
  },
}));

const { isPageUrl, servePage } = await import('../../main/hosts/electron/page-protocol.ts');

const folder = tempFolder();
folder.write('page/index.html', '<p>the page</p>');
folder.write('page/assets/a.js', '');
folder.write('secret.js', '');
folder.write('page-of-another/index.html', '');
servePage(join(folder.path, 'page'));

/** Electron gives the handler requests whose address it has not put in order; Request would do so. */
const ask = async (url: string, method = 'GET'): Promise<number> =>
  (await electron.handler?.({ url, method }))?.status ?? 0;

test('only the page’s own origin is the page', () => {
  for (const url of ['app://lorelei/', 'app://lorelei/index.html#/runs', 'app://lorelei/?x'])
    expect([url, isPageUrl(url)]).toEqual([url, true]);
  for (const url of [
    'app://lorelei.example/',
    'app://lorelei@example/',
    'app://lorelei:80/',
    'app://x/lorelei/',
    'app:lorelei',
    'https://lorelei/',
    'file:///lorelei/',
    'data:text/html,app://lorelei/',
    'about:blank',
    'app',
    '',
  ])
    // prettier-ignore
    expect([url, isPageUrl(url)]).toEqual([url, false]);
});

test('it gives its own files and no others', async () => {
  expect(await ask('app://lorelei/')).toBe(200);
  expect(await ask('app://lorelei/index.html')).toBe(200);
  for (const url of [
    'app://lorelei/../secret.js',
    'app://lorelei/..%2fsecret.js',
    'app://lorelei/%2e%2e/secret.js',
    'app://lorelei/assets%2f..%2f..%2fsecret.js',
    'app://lorelei/..%2fpage-of-another%2findex.html',
    'app://lorelei//etc/passwd',
    'app://lorelei/index.html%00.js',
    'app://lorelei/assets',
    'app://lorelei/%',
    'app://elsewhere/index.html',
  ])
    // prettier-ignore
    expect([url, await ask(url)]).toEqual([url, 404]);
  expect(await ask('app://lorelei/', 'POST')).toBe(404);
});
