// Uploads to a Hub on this machine that checks what the real one checks, over lines that break.
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { UserError } from '../../main/errors.ts';
import { hubAccess } from '../../main/hub/access.ts';
import { withoutPaths } from '../../main/hub/public-files.ts';
import { uploadFolder, type Uploaded, type UploadOrder } from '../../main/hub/upload.ts';
import { wholeRepoName } from '../../main/hub/upload-target.ts';
import { hubStub, type HubStub } from '../support/hub-stub.ts';
import { tempFolder } from '../support/temp-folder.ts';

const scratch = tempFolder();
const weights = randomBytes(900_000);
const adapterConfig = { base_model_name_or_path: '/home/ada/models/otter', r: 8 };
let hub: HubStub;
let folder: string;
let count = 0;

beforeEach(async () => {
  hub = await hubStub([]);
  folder = join(scratch.path, String(count++));
  mkdirSync(join(folder, 'runs'), { recursive: true });
  writeFileSync(join(folder, 'adapter_model.safetensors'), weights);
  writeFileSync(join(folder, 'adapter_config.json'), JSON.stringify(adapterConfig));
  writeFileSync(join(folder, 'README.md'), '# otter\n');
  writeFileSync(join(folder, 'tokenizer.json'), '{}');
  for (const name of ['runs/events', 'recipe.yaml', '.env', 'notes.json'])
    writeFileSync(join(folder, name), 'not of the model');
});
afterEach(() => hub.close());

const order = (changes: Partial<UploadOrder> = {}): UploadOrder => ({
  folder,
  repo: 'ada/otter',
  isPrivate: true,
  message: 'Upload otter',
  main: /^adapter_/,
  ...changes,
});
const patience = { retryMs: [1, 1, 1], silenceMs: 5000 };
const idle = { signal: new AbortController().signal, onProgress: () => undefined, patience };
const access = (token: string | undefined = 'hf_ada') => hubAccess({ HF_ENDPOINT: hub.url }, token);
const upload = (changes: Partial<UploadOrder> = {}, token?: string): Promise<Uploaded> =>
  uploadFolder(access(token), order(changes), idle);

async function problemOf(work: Promise<unknown>): Promise<UserError> {
  const error = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (error instanceof UserError) return error;
  throw new Error(`not for a person: ${String(error)}`, { cause: error });
}

const there = (repo = 'ada/otter') => hub.repos.find(({ id }) => id === repo);
const puts = (): string[] => hub.requests.filter((request) => request.startsWith('PUT'));

describe('an upload', () => {
  test('makes the repository private, and puts every file there in one commit', async () => {
    const told: { phase: string; done: number; total: number }[] = [];
    const done = await uploadFolder(access(), order({ repo: 'otter' }), {
      ...idle,
      onProgress: (progress) => told.push(progress),
    });
    expect(done).toEqual({
      repo: 'ada/otter',
      url: `${hub.url}/ada/otter`,
      commitUrl: expect.stringContaining('/ada/otter/commit/') as string,
      isNew: true,
      isPrivate: true,
    });
    expect(there()?.isPrivate).toBe(true);
    expect(hub.writes.commits).toEqual([
      {
        repo: 'ada/otter',
        title: 'Upload otter',
        files: ['README.md', 'adapter_config.json', 'adapter_model.safetensors', 'tokenizer.json'],
        deleted: [],
      },
    ]);
    expect(there()?.files['adapter_model.safetensors']).toEqual(weights);
    const uploading = told.filter(({ phase }) => phase === 'Uploading').map((one) => one.done);
    expect(uploading).toEqual(uploading.toSorted((a, b) => a - b));
    expect(uploading.some((bytes) => bytes > 0 && bytes < weights.length)).toBe(true);
    expect(told.at(-1)).toMatchObject({ phase: 'Committing', done: told.at(-1)?.total });
    // The host of large files is another one: it must not see the token.
    expect(hub.leaked).toEqual([]);
  });

  test('into a repository that is there adds a commit, and clears away stale files of the same kind', async () => {
    hub.repos.push({
      id: 'river/otter',
      isPrivate: true,
      files: { 'adapter_old.safetensors': Buffer.from('1'), 'notes.txt': Buffer.from('mine') },
    });
    expect(await upload({ repo: 'river/otter' })).toMatchObject({ isNew: false, isPrivate: true });
    expect(hub.writes.commits[0]?.deleted).toEqual(['adapter_old.safetensors']);
    expect(Object.keys(there('river/otter')?.files ?? {}).sort()).toEqual([
      'README.md',
      'adapter_config.json',
      'adapter_model.safetensors',
      'notes.txt',
      'tokenizer.json',
    ]);
  });

  test('of a large file in parts arrives whole', async () => {
    hub.writes.partBytes = 200_000;
    await upload();
    expect(puts()).toHaveLength(5);
    expect(there()?.files['adapter_model.safetensors']).toEqual(weights);
  });

  test('tells nobody the paths of this machine', async () => {
    await upload();
    expect(JSON.parse(String(there()?.files['adapter_config.json']))).toEqual({ base_model_name_or_path: null, r: 8 });
    expect(withoutPaths('{"_name_or_path":"C:\\\\Users\\\\ada\\\\m","eps":1e-05}')).toBe(
      '{\n  "_name_or_path": null,\n  "eps": 0.00001\n}\n',
    );
    const kept = '{"_name_or_path": "gpt2", "base_model_name_or_path": "river/otter-1B", "eps": 1e-05}';
    expect(withoutPaths(kept)).toBe(kept);
  });
});

describe('a bad line', () => {
  test('a cut file is sent again at once', async () => {
    hub.writes.cuts = 2;
    await upload();
    expect(puts()).toHaveLength(3);
    expect(there()?.files['adapter_model.safetensors']).toEqual(weights);
  });

  test('what had arrived before a failure is not sent again by a later try', async () => {
    hub.writes.refusal = { at: /commit/, status: 500, error: 'Internal Error' };
    expect((await problemOf(upload())).code).toBe('hub-busy');
    expect(puts()).toHaveLength(1);
    hub.writes.refusal = undefined;
    expect((await upload()).isNew).toBe(false);
    expect(puts()).toHaveLength(1);
    expect(there()?.files['adapter_model.safetensors']).toEqual(weights);
  });

  test('a commit is tried again only where the Hub says that it did nothing', async () => {
    const commits = (): number => hub.requests.filter((request) => request.includes('/commit/')).length;
    hub.writes.refusal = { at: /commit/, status: 429, error: 'slow down', times: 1 };
    await upload();
    expect(commits()).toBe(2);
    hub.writes.refusal = { at: /commit/, status: 502, error: 'lost', times: 1 };
    expect((await problemOf(upload())).code).toBe('hub-busy');
    expect(commits()).toBe(3);
  });

  test('a line that stays cut, silence, and no line at all are said', async () => {
    hub.writes.cuts = 99;
    const cut = await problemOf(upload());
    expect([cut.code, cut.fix]).toEqual(['hub-unreachable', expect.stringContaining('not sent a second time')]);
    Object.assign(hub.writes, { cuts: 0, pauseMs: 2000 });
    const silent = uploadFolder(access(), order(), { ...idle, patience: { retryMs: [], silenceMs: 300 } });
    expect((await problemOf(silent)).message).toContain('no byte went through');
    const offline = hubAccess({ HF_ENDPOINT: hub.url, HF_HUB_OFFLINE: '1' }, 'hf_ada');
    expect((await problemOf(uploadFolder(offline, order(), idle))).message).toContain('HF_HUB_OFFLINE');
  });

  test('a cancelled one makes no commit', async () => {
    hub.writes.pauseMs = 60_000;
    const stopping = new AbortController();
    const enough = new Error('enough');
    const work = uploadFolder(access(), order(), {
      ...idle,
      signal: stopping.signal,
      onProgress({ phase }) {
        if (phase === 'Uploading') stopping.abort(enough);
      },
    });
    await expect(work).rejects.toBe(enough);
    expect(hub.writes.commits).toEqual([]);
  });
});

describe('refusals say what to do', () => {
  test('of tokens', async () => {
    const none = await problemOf(uploadFolder(hubAccess({ HF_ENDPOINT: hub.url }, undefined), order(), idle));
    expect([none.code, none.fix]).toEqual(['hub-token-missing', expect.stringContaining('type Write')]);
    expect((await problemOf(upload({}, 'hf_wrong'))).code).toBe('hub-token-refused');
    const reader = await problemOf(upload({}, 'hf_reader'));
    expect([reader.code, reader.fix]).toEqual(['hub-token-read-only', expect.stringContaining('tokenType=write')]);
    hub.writes.accounts['hf_fine'] = { name: 'ada', role: 'fineGrained' };
    const fine = await problemOf(upload({}, 'hf_fine'));
    expect([fine.code, fine.fix]).toEqual(['hub-write-refused', expect.stringContaining('chosen rights')]);
    expect(hub.repos).toEqual([]);
  });

  test('of names', async () => {
    const stranger = await problemOf(upload({ repo: 'stranger/otter' }));
    expect([stranger.code, stranger.message]).toEqual([
      'hub-write-refused',
      expect.stringContaining('under the namespace'),
    ]);
    expect(stranger.fix).toContain('(river)');
    // Private and of others: it can be neither seen nor made.
    hub.repos.push({ id: 'stranger/hidden', isPrivate: true, files: {} });
    expect((await problemOf(upload({ repo: 'stranger/hidden' }))).code).toBe('hub-name-taken');
    // Everybody would see it.
    hub.repos.push({ id: 'ada/open', files: {} });
    expect((await problemOf(upload({ repo: 'ada/open' }))).code).toBe('hub-repo-public');
    expect(await upload({ repo: 'ada/open', isPrivate: false })).toMatchObject({ isNew: false, isPrivate: false });
  });

  const account = { name: 'ada', organizations: [], role: 'write' };
  test.each([
    '',
    ' ',
    'ada/',
    '/otter',
    'a/b/c',
    'ada/my otter',
    'ada/-x',
    'ada/x.',
    'ada/a--b',
    'ada/a..b',
    'a_b/x',
    'ada/x.git',
    `ada/${'x'.repeat(97)}`,
    'https://hf.co/ada/x',
    '../x',
  ])('"%s" is no name', (name) => {
    expect(() => wholeRepoName(name, account)).toThrow(expect.objectContaining({ code: 'hub-name-invalid' }) as Error);
  });
  test('a name alone is one of the account', () => {
    expect(wholeRepoName(' Otter_1.5b ', account)).toBe('ada/Otter_1.5b');
    expect(wholeRepoName('river/otter', account)).toBe('river/otter');
  });

  test.each([
    [403, 'Private repository storage limit reached, please upgrade your plan', 'hub-storage-full'],
    [403, 'Your storage patterns tripped our internal systems!', 'hub-storage-full'],
    [413, 'Payload Too Large', 'hub-file-too-large'],
    [403, 'Forbidden', 'hub-write-refused'],
    [401, 'Invalid credentials', 'hub-token-refused'],
    [400, 'README.md: "license" must be one of apache-2.0', 'hub-refused'],
    [503, 'over capacity', 'hub-busy'],
  ])('status %d, "%s" is %s', async (status, error, code) => {
    hub.writes.refusal = { at: /preupload|batch/, status, error, times: 9 };
    const problem = await problemOf(upload());
    expect(problem.code).toBe(code);
    if (status !== 401 && status !== 503) expect(problem.message).toContain(error);
    expect(hub.writes.commits).toEqual([]);
  });

  test('of a single file', async () => {
    hub.writes.objectError = { code: 422, message: 'File size exceeds the maximum size allowed' };
    const problem = await problemOf(upload());
    expect([problem.code, problem.message]).toEqual([
      'hub-file-too-large',
      expect.stringContaining('adapter_model.safetensors'),
    ]);
  });
});
