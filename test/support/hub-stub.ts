// A Hugging Face Hub on this machine: its API for repositories, and, as the real one, another host that holds the large
// files and must never see the token. Tests make its line bad.
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { answerStorage, answerWrite, newWrites, type Writes } from './hub-writes.ts';

export type StubRepo = {
  kind?: 'model' | 'dataset';
  id: string;
  files: Record<string, Buffer>;
  /** Wants a token; "refused" lets no token in. */
  gated?: 'needs-token' | 'refused';
  downloads?: number;
  tags?: string[];
  isPrivate?: boolean;
  config?: Record<string, unknown>;
  /** What the Hub has read in a GGUF file. */
  gguf?: Record<string, unknown>;
  cardData?: Record<string, unknown>;
};

export type Line = {
  /** Cuts the connection once this many bytes of large files were sent; then it is whole again. */
  cutAfter?: number | undefined;
  /** Sends large files in pieces of 64 KiB with this pause before each. */
  pauseMs?: number | undefined;
  /** Answers with status 200 and the whole file whatever range is asked for. */
  ignoresRanges?: boolean;
  /** Changes one byte of this file on its way. */
  spoils?: string | undefined;
  /** Answers everything with this status. */
  status?: number | undefined;
};

export type HubStub = {
  url: string;
  line: Line;
  /** "GET /path range", of both hosts. */
  requests: string[];
  /** Authorization headers that the host of large files was sent. */
  leaked: string[];
  writes: Writes;
  repos: StubRepo[];
  close: () => Promise<void>;
};

export const stubToken = 'hf_stub';
export const stubCommit = '1234567890abcdef1234567890abcdef12345678';
const PIECE = 1 << 16;

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
/** Git's name for a file's content. */
export const gitOid = (bytes: Buffer): string =>
  createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');

/** Weights and Parquet lie in LFS, as on the Hub. */
const isLarge = (path: string): boolean => /\.(safetensors|gguf|parquet|bin)$/.test(path);

export async function hubStub(given: readonly StubRepo[]): Promise<HubStub> {
  const repos = [...given];
  const stub = { line: {} as Line, requests: [] as string[], leaked: [] as string[], writes: newWrites(), repos };
  const parts = new Map<string, Buffer>();
  const log = ({ method, url, headers }: IncomingMessage): void =>
    void stub.requests.push([method, decodeURIComponent(url ?? ''), headers.range].filter(Boolean).join(' '));

  const storage = createServer((request, response) => {
    log(request);
    if (request.headers.authorization !== undefined) stub.leaked.push(request.headers.authorization);
    const [, oid] = /^\/blobs\/([0-9a-f]{64})/.exec(request.url ?? '') ?? [];
    const found = repos
      .flatMap(({ files }) => Object.entries(files))
      .find(([path, bytes]) => isLarge(path) && sha256(bytes) === oid);
    if (found) void sendLarge(stub.line, request, response, ...found);
    else
      void answerStorage(stub.writes, parts, request, response).then((done) => {
        if (!done) response.writeHead(404).end();
      }, unlessCut);
  });
  const storageUrl = await listen(storage);
  /** Others are not told that a private one is there. */
  const visible = ({ headers }: IncomingMessage): StubRepo[] => {
    const account = stub.writes.accounts[headers.authorization?.replace('Bearer ', '') ?? ''];
    const own = (id: string): boolean => [account?.name, ...(account?.orgs ?? [])].includes(id.split('/')[0]);
    return repos.filter(({ id, isPrivate }) => isPrivate !== true || own(id));
  };

  const hub = createServer((request, response) => {
    log(request);
    void answerWrite(stub.writes, { url, storageUrl, repos }, request, response).then((done) => {
      if (!done) answer(visible(request), stub.line, storageUrl, request, response);
    }, unlessCut);
  });
  const url = await listen(hub);
  return {
    ...stub,
    url,
    async close() {
      for (const server of [hub, storage]) {
        server.closeAllConnections();
        await new Promise((closed) => server.close(closed));
      }
    },
  };
}

/** The other side went away: that is what some tests do. */
function unlessCut(error: unknown): void {
  if (!(error instanceof Error) || error.message !== 'aborted') throw error;
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function answer(
  repos: readonly StubRepo[],
  line: Line,
  storageUrl: string,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://hub');
  const json = (value: unknown): void =>
    void response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));
  const refuse = (status: number, code?: string): void =>
    void response.writeHead(status, code === undefined ? {} : { 'x-error-code': code }).end(`refused ${status}`);
  if (line.status !== undefined) return refuse(line.status);

  const [, list] = /^\/api\/(model|dataset)s$/.exec(pathname) ?? [];
  if (list !== undefined) {
    const wanted = searchParams.getAll('filter');
    const text = searchParams.get('search')?.toLowerCase() ?? '';
    return json(
      repos
        .toSorted((a, b) => (b.downloads ?? 0) - (a.downloads ?? 0))
        .filter(
          ({ kind = 'model', id, tags = [] }) =>
            kind === list && id.toLowerCase().includes(text) && wanted.every((tag) => tags.includes(tag)),
        )
        .slice(0, Number(searchParams.get('limit') ?? 1000))
        .map((repo) => described(repo)),
    );
  }
  const repo = repos.find(({ kind = 'model', id }) => {
    const prefixes = [`/api/${kind}s/${id}/`, `/${kind === 'dataset' ? 'datasets/' : ''}${id}/resolve/`];
    return prefixes.some((prefix) => pathname.startsWith(prefix));
  });
  const token = request.headers.authorization;
  // The Hub does not say whether a private repository exists.
  if (!repo) return refuse(token === undefined ? 401 : 404, 'RepoNotFound');
  if (pathname.includes('/revision/')) return json(described(repo));
  if (pathname.includes('/tree/')) return json(tree(repo.files, searchParams.get('recursive') === 'true'));
  if (repo.gated === 'needs-token' && token !== `Bearer ${stubToken}`) return refuse(401, 'GatedRepo');
  if (repo.gated === 'refused') return refuse(token === undefined ? 401 : 403, 'GatedRepo');
  const path = decodeURIComponent(pathname.split(`/resolve/${stubCommit}/`)[1] ?? '');
  const bytes = repo.files[path];
  if (!bytes) return refuse(404, 'EntryNotFound');
  if (isLarge(path)) response.writeHead(302, { location: `${storageUrl}/blobs/${sha256(bytes)}` }).end();
  else response.writeHead(200, { etag: `"${gitOid(bytes)}"` }).end(bytes);
}

function described({
  id,
  isPrivate = false,
  gated,
  downloads = 0,
  tags = [],
  config,
  gguf,
  cardData,
  files,
}: StubRepo): unknown {
  const weights = Object.entries(files).filter(([path]) => path.endsWith('.safetensors'));
  return {
    _id: `id-${id}`,
    id,
    sha: stubCommit,
    private: isPrivate,
    gated: gated === undefined ? false : 'auto',
    downloads,
    likes: 3,
    lastModified: '2026-01-02T03:04:05.000Z',
    pipeline_tag: 'text-generation',
    tags,
    config,
    gguf,
    cardData,
    ...(weights.length > 0 && { safetensors: { parameters: {}, total: 260_032 } }),
  };
}

/** Of the top folder, what lies in it. */
function tree(files: Record<string, Buffer>, recursive: boolean): unknown[] {
  const folders = [...new Set(Object.keys(files).flatMap((path) => path.split('/').slice(0, -1)[0] ?? []))];
  const isListed = (path: string): boolean => recursive || !path.includes('/') || path.startsWith('.');
  return [
    ...Object.entries(files).flatMap(([path, bytes]) => (isListed(path) ? [treeEntry(path, bytes)] : [])),
    ...folders.filter((path) => path !== '..').map((path) => ({ type: 'directory', path, size: 0, oid: '' })),
  ];
}

function treeEntry(path: string, bytes: Buffer): unknown {
  const lfs = isLarge(path) ? { lfs: { oid: sha256(bytes), size: bytes.length, pointerSize: 130 } } : {};
  return { type: 'file', path, size: bytes.length, oid: gitOid(bytes), ...lfs };
}

async function sendLarge(
  line: Line,
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  whole: Buffer,
): Promise<void> {
  const asked = line.ignoresRanges === true ? undefined : /^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1];
  const from = Number(asked ?? 0);
  const bytes = Buffer.from(whole.subarray(from));
  if (line.spoils === path) bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  const range = asked === undefined ? {} : { 'content-range': `bytes ${from}-${whole.length - 1}/${whole.length}` };
  response.writeHead(asked === undefined ? 200 : 206, { 'content-length': bytes.length, ...range });
  for (let sent = 0; sent < bytes.length && !response.destroyed; sent += PIECE) {
    if (line.cutAfter !== undefined && sent >= line.cutAfter) {
      line.cutAfter = undefined;
      response.destroy();
      return;
    }
    if (line.pauseMs !== undefined) await sleep(line.pauseMs);
    response.write(bytes.subarray(sent, sent + PIECE));
    // Lets the other side read, and ask for an end.
    await new Promise(setImmediate);
  }
  response.end();
}
