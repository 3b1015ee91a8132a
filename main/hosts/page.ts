// The built page as files with their headers, for whichever host shows it.
import { readFile } from 'node:fs/promises';
import { extname, join, resolve, sep } from 'node:path';
import { hasSystemCode } from '../errors.ts';

const types: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};

/** The page loads nothing from elsewhere, runs no inline script and cannot be framed. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

export type PageFile = { body: Buffer; headers: Record<string, string> };

/** The file at `pathname` below `folder`, "/" being index.html; undefined where there is none that may be shown. */
export async function pageFile(folder: string, pathname: string): Promise<PageFile | undefined> {
  const root = resolve(folder);
  const name = decoded(pathname === '/' ? '/index.html' : pathname);
  const path = join(root, name ?? '');
  const type = types[extname(path)];
  if (name === undefined || type === undefined || !path.startsWith(root + sep)) return undefined;
  try {
    return {
      body: await readFile(path),
      headers: {
        'content-type': type,
        'content-security-policy': contentSecurityPolicy,
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'cache-control': 'no-store',
      },
    };
  } catch (error) {
    if (hasSystemCode(error, 'ENOENT', 'EISDIR', 'ENOTDIR')) return undefined;
    throw error;
  }
}

function decoded(pathname: string): string | undefined {
  try {
    const name = decodeURIComponent(pathname);
    return name.includes('\0') ? undefined : name;
  } catch {
    return undefined; // not UTF-8, so no name of a file of ours
  }
}
