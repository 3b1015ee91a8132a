// The half of the Hub's API that writes: accounts, making repositories, and commits whose large files go to another host
// first (Git LFS, in one piece or in several). It refuses what the Hub refuses: its words are those that people report.
import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

export type StubCommit = { repo: string; title: string; files: string[]; deleted: string[] };

export type WrittenRepo = {
  kind?: 'model' | 'dataset';
  id: string;
  isPrivate?: boolean;
  files: Record<string, Buffer>;
};

/** What uploads meet; tests change it. */
export type Writes = {
  /** Token -> account. */
  accounts: Record<string, { name: string; role: string; orgs?: string[] }>;
  commits: StubCommit[];
  /** Large files that have arrived, by SHA-256. */
  stored: Map<string, Buffer>;
  /** Larger files come in parts of this size. */
  partBytes: number;
  /** Cuts the line of so many uploads of large files after the first piece. */
  cuts: number;
  /** Waits so long before it takes a large file. */
  pauseMs: number;
  /** Answers requests whose "POST /path" matches with this. */
  refusal?: { at: RegExp; status: number; error: string; times?: number } | undefined;
  /** Says of every large file that it cannot be taken. */
  objectError?: { code: number; message: string } | undefined;
};

export const newWrites = (): Writes => ({
  accounts: { hf_ada: { name: 'ada', role: 'write', orgs: ['river'] }, hf_reader: { name: 'bob', role: 'read' } },
  commits: [],
  stored: new Map(),
  partBytes: Infinity,
  cuts: 0,
  pauseMs: 0,
});

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
const isLarge = (path: string): boolean => /\.(safetensors|parquet|bin)$/.test(path);

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

type Hub = { url: string; storageUrl: string; repos: WrittenRepo[] };

/** Answers a request of the Hub's own host; false where it is none of these. */
export async function answerWrite(
  writes: Writes,
  { url, storageUrl, repos }: Hub,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<boolean> {
  const { pathname } = new URL(request.url ?? '/', 'http://hub');
  if (request.method !== 'POST' && pathname !== '/api/whoami-v2') return false;
  const json = (value: unknown, status = 200): true => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    return true;
  };
  const body = await bodyOf(request);
  const { refusal } = writes;
  if (refusal?.at.test(`${request.method ?? ''} ${pathname}`) === true && (refusal.times ?? 1) > 0) {
    if (refusal.times !== undefined) refusal.times -= 1;
    return json({ error: refusal.error }, refusal.status);
  }
  const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
  const account = token === undefined ? undefined : writes.accounts[token];
  if (account === undefined) return json({ error: 'Invalid credentials in Authorization header' }, 401);

  if (pathname === '/api/whoami-v2')
    return json({
      type: 'user',
      id: '1',
      name: account.name,
      fullname: account.name,
      orgs: (account.orgs ?? []).map((name) => ({ type: 'org', name, roleInOrg: 'write' })),
      auth: {
        type: 'access_token',
        accessToken: { displayName: 'laptop', role: account.role, createdAt: '2026-01-02T03:04:05.000Z' },
      },
    });

  const mayWrite = (namespace = ''): boolean =>
    account.role === 'write' && (namespace === account.name || (account.orgs ?? []).includes(namespace));
  if (pathname === '/api/repos/create') {
    const order = JSON.parse(body.toString()) as {
      name: string;
      organization: string;
      visibility: string;
      type: string;
    };
    const id = `${order.organization}/${order.name}`;
    if (repos.some((one) => one.id === id))
      return json({ error: `You already created this ${order.type} repo: ${id}`, url: `${url}/${id}` }, 409);
    if (!mayWrite(order.organization))
      return json(
        { error: `You don't have the rights to create a model under the namespace "${order.organization}"` },
        403,
      );
    repos.push({ id, isPrivate: order.visibility === 'private', files: { '.gitattributes': Buffer.from('') } });
    return json({ url: `${url}/${id}`, name: id, id: '2' });
  }

  const repo = repos.find(
    ({ id }) => pathname.startsWith(`/api/models/${id}/`) || pathname === `/${id}.git/info/lfs/objects/batch`,
  );
  if (repo === undefined) return json({ error: 'Repository not found' }, 404);
  if (!mayWrite(repo.id.split('/')[0]))
    return json({ error: 'Forbidden: you must use a write token to upload to this repository.' }, 403);

  if (pathname.endsWith('/preupload/main')) {
    const { files } = JSON.parse(body.toString()) as { files: { path: string; sample: string; size: number }[] };
    return json({ files: files.map(({ path }) => ({ path, uploadMode: isLarge(path) ? 'lfs' : 'regular' })) });
  }

  if (pathname.endsWith('/objects/batch')) {
    const { objects, transfers } = JSON.parse(body.toString()) as {
      objects: { oid: string; size: number }[];
      transfers: string[];
    };
    if (!transfers.includes('basic')) return json({ error: 'no transfer in common' }, 422);
    return json({
      transfer: 'basic',
      objects: objects.map(({ oid, size }) => {
        if (writes.objectError !== undefined) return { oid, size, error: writes.objectError };
        // What is there already has no action.
        if (writes.stored.has(oid)) return { oid, size };
        const href = `${storageUrl}/upload/${oid}`;
        if (size <= writes.partBytes) return { oid, size, actions: { upload: { href } } };
        const parts = Array.from({ length: Math.ceil(size / writes.partBytes) }, (_, i) =>
          String(i + 1).padStart(5, '0'),
        );
        const header = Object.fromEntries(parts.map((part) => [part, `${href}?part=${Number(part)}`]));
        return {
          oid,
          size,
          actions: {
            upload: { href: `${href}?complete`, header: { chunk_size: String(writes.partBytes), ...header } },
          },
        };
      }),
    });
  }

  if (!pathname.endsWith('/commit/main')) return json({ error: 'Not Found' }, 404);
  const lines = body
    .toString()
    .split('\n')
    .map((line) => JSON.parse(line) as { key: string; value: Record<string, string> });
  const commit: StubCommit = { repo: repo.id, title: '', files: [], deleted: [] };
  for (const { key, value } of lines) {
    const { path = '', oid = '', content = '', encoding } = value;
    if (key === 'header') commit.title = value['summary'] ?? '';
    else if (key === 'deletedFile') {
      commit.deleted.push(path);
      Reflect.deleteProperty(repo.files, path);
    } else {
      const bytes =
        key === 'lfsFile' ? writes.stored.get(oid) : Buffer.from(content, encoding === 'base64' ? 'base64' : 'utf8');
      if (bytes === undefined) return json({ error: `The LFS file ${path} was never uploaded` }, 400);
      commit.files.push(path);
      repo.files[path] = bytes;
    }
  }
  writes.commits.push(commit);
  const oid = String(writes.commits.length).padStart(40, '0');
  return json({ success: true, commitOid: oid, commitUrl: `${url}/${repo.id}/commit/${oid}`, hookOutput: '' });
}

/** Answers uploads to the host of large files; false where it is none. */
export async function answerStorage(
  writes: Writes,
  parts: Map<string, Buffer>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<boolean> {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://storage');
  const oid = /^\/upload\/([0-9a-f]{64})$/.exec(pathname)?.[1];
  if (oid === undefined) return false;
  if (writes.cuts > 0 && request.method === 'PUT') {
    writes.cuts -= 1;
    request.once('data', () => request.socket.destroy());
    return true;
  }
  if (writes.pauseMs > 0) await sleep(writes.pauseMs);
  const body = await bodyOf(request);
  // As S3 does: a body of unknown length is not taken.
  if (request.method === 'PUT' && Number(request.headers['content-length']) !== body.length) {
    response.writeHead(411).end('MissingContentLength');
    return true;
  }
  const part = searchParams.get('part');
  if (part !== null) {
    parts.set(`${oid} ${part}`, body);
    response.writeHead(200, { etag: `"${sha256(body).slice(0, 32)}"` }).end();
    return true;
  }
  const whole = searchParams.has('complete') ? joined(oid, parts, body) : body;
  if (whole === undefined || sha256(whole) !== oid) {
    response.writeHead(400).end('<Code>BadDigest</Code>');
    return true;
  }
  writes.stored.set(oid, whole);
  response.writeHead(200).end();
  return true;
}

function joined(oid: string, parts: Map<string, Buffer>, order: Buffer): Buffer | undefined {
  const asked = JSON.parse(order.toString()) as { oid: string; parts: { partNumber: number; etag: string }[] };
  const found = asked.parts.map(({ partNumber, etag }) => {
    const bytes = parts.get(`${oid} ${partNumber}`);
    return bytes !== undefined && etag === `"${sha256(bytes).slice(0, 32)}"` ? bytes : undefined;
  });
  return found.every((bytes) => bytes !== undefined) ? Buffer.concat(found) : undefined;
}
