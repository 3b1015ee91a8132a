// The page at app://lorelei/. It has an origin of its own: files of the disk have none that could be told apart.
import { protocol } from 'electron';
import { join } from 'node:path';
import { pageFile } from '../page.ts';

const scheme = 'app';
const host = 'lorelei';
export const pageUrl = `${scheme}://${host}/`;

const pageFolder = join(import.meta.dirname, '../renderer');

/** Must come before Electron is ready. */
export function declarePageScheme(): void {
  const privileges = { standard: true, secure: true, supportFetchAPI: true };
  protocol.registerSchemesAsPrivileged([{ scheme, privileges }]);
}

/** Answers with files of the built page, and with nothing else of the disk. */
export function servePage(folder: string = pageFolder): void {
  protocol.handle(scheme, async (request) => {
    const file =
      isPageUrl(request.url) && request.method === 'GET'
        ? await pageFile(folder, new URL(request.url).pathname)
        : undefined;
    if (file === undefined) return new Response('There is nothing here.', { status: 404 });
    return new Response(new Uint8Array(file.body), { headers: file.headers });
  });
}

export function isPageUrl(url: string): boolean {
  const parsed = URL.parse(url);
  return parsed?.protocol === `${scheme}:` && parsed.host === host;
}
