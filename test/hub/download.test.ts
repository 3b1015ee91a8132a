// Downloads from a Hub on this machine, over lines of every quality, into a cache that the Hub's own library reads.
import { scanCacheDir } from '@huggingface/hub';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { snapshotOf } from '../../main/checkpoints/hub-cache.ts';
import { openModelFolder } from '../../main/checkpoints/model-folder.ts';
import { UserError } from '../../main/errors.ts';
import { hubAccess, type HubAccess } from '../../main/hub/access.ts';
import { cachedModel, hubCacheFolder } from '../../main/hub/cache.ts';
import { download, type DownloadPlan } from '../../main/hub/download.ts';
import { ggufsAmong } from '../../main/hub/gguf-files.ts';
import { filesOfDataset, filesOfModel, openRepository } from '../../main/hub/repository.ts';
import { searchModels } from '../../main/hub/search.ts';
import { hubStub, stubCommit, stubToken, type HubStub, type StubRepo } from '../support/hub-stub.ts';
import { goldensFolder } from '../support/goldens.ts';
import { tempFolder } from '../support/temp-folder.ts';

const id = 'river/otter';
const sharded = join(goldensFolder, 'llama-bf16-sharded');
const golden = (name: string): Buffer => readFileSync(join(sharded, name));
const weights = randomBytes(700_000);
const patience = { retryMs: [1, 1, 1], silenceMs: 5000 };

const otter: StubRepo = {
  id,
  tags: ['safetensors', 'llama'],
  config: { model_type: 'llama' },
  cardData: { license: 'apache-2.0' },
  files: {
    'config.json': golden('config.json'),
    'README.md': Buffer.from('---\nlicense: apache-2.0\n---\n'),
    // As `git hash-object` names it.
    'tokenizer.json': Buffer.from('hello\n'),
    'model.safetensors': weights,
    'pytorch_model.bin': randomBytes(100),
    'consolidated.safetensors': randomBytes(100),
    'logo.png': randomBytes(100),
  },
};
const shards: StubRepo = {
  id: 'river/shards',
  files: Object.fromEntries(
    readdirSync(sharded)
      .filter((name) => /^(config\.json|model.*)$/.test(name))
      .map((name) => [name, golden(name)]),
  ),
};
const gated: StubRepo = { ...otter, id: 'river/gated', gated: 'needs-token' };
const shut: StubRepo = { ...otter, id: 'river/shut', gated: 'refused' };
const huge: StubRepo = { ...otter, id: 'river/huge' };
const rows: StubRepo = {
  kind: 'dataset',
  id: 'river/rows',
  files: {
    'README.md': Buffer.from('# rows'),
    'dataset_infos.json': Buffer.from('{}'),
    'data/train-00000-of-00001.parquet': randomBytes(2000),
    'extra/more rows.jsonl': Buffer.from('{"text":"a"}\n'),
  },
};

const ggufs: StubRepo = {
  id: 'river/otter-GGUF',
  tags: ['gguf'],
  gguf: { architecture: 'llama', total: 12_345, context_length: 512, chat_template: '{{ messages }}' },
  files: {
    'README.md': Buffer.from('# otter'),
    'otter-Q4_K_M.gguf': randomBytes(200),
    'otter-Q8_0.gguf': randomBytes(300),
    'otter-IQ3_XS.gguf': randomBytes(100),
    'mmproj-otter-f16.gguf': randomBytes(100),
    'BF16/otter-BF16-00001-of-00002.gguf': randomBytes(400),
    'BF16/otter-BF16-00002-of-00002.gguf': randomBytes(401),
  },
};

const scratch = tempFolder();
let count = 0;
let hub: HubStub;
let cache: string;
let access: HubAccess;

beforeEach(async () => {
  hub = await hubStub([otter, shards, gated, shut, huge, rows]);
  cache = join(scratch.path, String(count++));
  access = hubAccess({ HF_ENDPOINT: `${hub.url}/` }, stubToken);
});
afterEach(() => hub.close());

async function plan(repo: string, by = access): Promise<DownloadPlan> {
  const repository = await openRepository(by, { kind: 'model', id: repo });
  return { ...repository, files: filesOfModel(repository) };
}

const go = (what: DownloadPlan, by = access): Promise<void> =>
  download(by, cache, what, { signal: new AbortController().signal, onBytes: () => undefined, patience });

async function problemOf(work: Promise<unknown>): Promise<UserError> {
  const error = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (error instanceof UserError) return error;
  throw new Error(`not for a person: ${String(error)}`);
}

const inBlobs = (repo = id): string[] => readdirSync(join(cache, `models--${repo.replace('/', '--')}`, 'blobs'));
const snapshot = (repo = id): string => join(cache, `models--${repo.replace('/', '--')}`, 'snapshots', stubCommit);
const ranges = (): string[] => hub.requests.flatMap((request) => /bytes=\d+-/.exec(request)?.[0] ?? []);
/** A place in the weights that no piece ends at. */
const someBytes = 123_457;

describe('a download', () => {
  test('fills the cache as the Hub’s own tools know it, with what is needed', async () => {
    await go(await plan(id));
    const { repos, warnings } = await scanCacheDir(cache);
    expect(warnings).toEqual([]);
    const [found, ...others] = repos;
    expect(others).toEqual([]);
    expect(found?.id).toEqual({ name: id, type: 'model' });
    expect(found?.revisions.map(({ commitOid, refs }) => [commitOid, refs])).toEqual([[stubCommit, ['main']]]);
    const names = ['README.md', 'config.json', 'model.safetensors', 'tokenizer.json'];
    expect(readdirSync(snapshot()).sort()).toEqual(names);
    for (const name of names) expect(readFileSync(join(snapshot(), name)), name).toEqual(otter.files[name]);
    expect(inBlobs()).toContain('ce013625030ba8dba906f756967f9e9ca394464a');
    expect(inBlobs()).toContain(createHash('sha256').update(weights).digest('hex'));
    expect(hub.leaked).toEqual([]);
  });

  test('of several shards opens as a model', async () => {
    await go(await plan('river/shards'));
    const folder = snapshotOf(join(cache, 'models--river--shards'));
    expect(openModelFolder(folder).origin).toEqual({ id: 'river/shards', revision: stubCommit });
    expect(openModelFolder(folder).weights.size).toBe(openModelFolder(sharded).weights.size);
  });

  test('of a dataset brings its data files', async () => {
    const repository = await openRepository(access, { kind: 'dataset', id: 'river/rows' });
    const files = filesOfDataset(repository);
    expect(files.map(({ path }) => path)).toEqual(['data/train-00000-of-00001.parquet', 'extra/more rows.jsonl']);
    await go({ ...repository, files });
    const folder = join(cache, 'datasets--river--rows', 'snapshots', stubCommit);
    expect(readFileSync(join(folder, 'extra/more rows.jsonl'), 'utf8')).toBe('{"text":"a"}\n');
  });
});

describe('a bad line', () => {
  test('a cut is gone on from', async () => {
    hub.line.cutAfter = 200_000;
    await go(await plan(id));
    expect(readFileSync(join(snapshot(), 'model.safetensors'))).toEqual(weights);
    const [range] = ranges();
    expect(Number(/\d+/.exec(range ?? '')?.[0])).toBeGreaterThan(0);
  });

  test('what another tool began is gone on with', async () => {
    const blob = createHash('sha256').update(weights).digest('hex');
    mkdirSync(join(cache, 'models--river--otter', 'blobs'), { recursive: true });
    writeFileSync(join(cache, 'models--river--otter/blobs', `${blob}.incomplete`), weights.subarray(0, someBytes));
    await go(await plan(id));
    expect(ranges()).toContain(`bytes=${someBytes}-`);
    expect(readFileSync(join(snapshot(), 'model.safetensors'))).toEqual(weights);
  });

  test('a host that knows no ranges sends it all again', async () => {
    hub.line = Object.assign(hub.line, { cutAfter: 200_000, ignoresRanges: true });
    await go(await plan(id));
    expect(readFileSync(join(snapshot(), 'model.safetensors'))).toEqual(weights);
  });

  test('silence is a cut', async () => {
    hub.line.pauseMs = 400;
    const work = download(access, cache, await plan(id), {
      signal: new AbortController().signal,
      onBytes: () => undefined,
      patience: { retryMs: [], silenceMs: 100 },
    });
    expect((await problemOf(work)).code).toBe('hub-unreachable');
  });

  test('a changed byte is found, and the file thrown away', async () => {
    hub.line.spoils = 'model.safetensors';
    const problem = await problemOf(go(await plan(id)));
    expect([problem.code, problem.message]).toEqual(['hub-checksum', expect.stringContaining('model.safetensors')]);
    expect(existsSync(snapshot())).toBe(false);
    expect(inBlobs().filter((name) => name.endsWith('.incomplete'))).toEqual([]);
    hub.line.spoils = undefined;
    await go(await plan(id));
    expect(readFileSync(join(snapshot(), 'model.safetensors'))).toEqual(weights);
  });
});

describe('refusals say what to do', () => {
  test('a gated model asks for its conditions and a token', async () => {
    const nobody = hubAccess({ HF_ENDPOINT: hub.url }, undefined);
    const problem = await problemOf(go(await plan('river/gated', nobody), nobody));
    expect([problem.code, problem.fix]).toEqual(['hub-gated', expect.stringContaining(`${hub.url}/river/gated`)]);
    expect(problem.fix).toContain('HF_TOKEN');
    await go(await plan('river/gated'));
    expect(existsSync(join(snapshot('river/gated'), 'model.safetensors'))).toBe(true);
    const refused = await problemOf(go(await plan('river/shut')));
    expect([refused.code, refused.message]).toEqual(['hub-gated', expect.stringContaining('account')]);
    expect(refused.message + refused.fix).not.toContain(stubToken);
  });

  test('names, tokens, trouble, silence', async () => {
    expect((await problemOf(plan('river/nothing'))).code).toBe('hub-not-found');
    for (const bad of ['../etc', 'a/..', 'a/b/c', '', '/a', 'a--b/c', 'a\\b'])
      expect((await problemOf(plan(bad))).code, bad).toBe('hub-id-invalid');
    for (const bad of ['../main', 'a/../../b', '', '/main', 'a\\b', 'a\0b'])
      expect((await problemOf(openRepository(access, { kind: 'model', id }, bad))).code).toBe('hub-revision-invalid');
    const asked = [401, 403, 429, 503].map(async (status) => {
      const stub = await hubStub([otter]);
      stub.line.status = status;
      const { code } = await problemOf(plan(id, hubAccess({ HF_ENDPOINT: stub.url }, stubToken)));
      await stub.close();
      return code;
    });
    expect(await Promise.all(asked)).toEqual(['hub-token-refused', 'hub-forbidden', 'hub-busy', 'hub-busy']);
    const offline = await problemOf(plan(id, hubAccess({ HF_ENDPOINT: hub.url, HF_HUB_OFFLINE: '1' }, stubToken)));
    expect([offline.code, offline.message]).toEqual(['hub-unreachable', expect.stringContaining('HF_HUB_OFFLINE')]);
    await hub.close();
    expect((await problemOf(plan(id))).code).toBe('hub-unreachable');
    hub = await hubStub([]);
  });

  test('a full disk is known before the first byte', async () => {
    const what = await plan('river/huge');
    hub.requests.length = 0;
    const files = what.files.map((file) => ({
      ...file,
      size: file.path === 'model.safetensors' ? 2 ** 60 : file.size,
    }));
    expect((await problemOf(go({ ...what, files }))).code).toBe('disk-full');
    expect(hub.requests).toEqual([]);
  });

  test('a Hub that names files outside the repository is not believed', async () => {
    const evil = await hubStub([{ ...otter, files: { ...otter.files, '../../evil.json': Buffer.from('{}') } }]);
    expect((await problemOf(plan(id, hubAccess({ HF_ENDPOINT: evil.url }, undefined)))).code).toBe(
      'hub-answer-invalid',
    );
    await evil.close();
  });
});

const searches = (): URLSearchParams[] =>
  hub.requests
    .filter((request) => request.startsWith('GET /api/models?'))
    .map((request) => new URL(request.split(' ')[1] ?? '', hub.url).searchParams);

test('a search asks once, keeps what is wanted, and tells licence and parameters', async () => {
  const found = await searchModels(access, 'OTTER', 'safetensors', ({ config }) => config.model_type === 'llama');
  expect(found).toMatchObject([{ id, licence: 'apache-2.0', isGated: false, parameters: 260_032 }]);
  expect(await searchModels(access, 'OTTER', 'safetensors', () => false)).toEqual([]);
  const asked = searches();
  expect(asked.map((query) => query.getAll('filter'))).toEqual([['safetensors'], ['safetensors']]);
  expect(asked[0]?.get('pipeline_tag')).toBe('text-generation');
});

test('a search looks further where few of the most downloaded are wanted', async () => {
  for (let i = 0; i < 130; i++) {
    const type = i < 95 ? 'gpt2' : 'llama';
    hub.repos.push({ ...otter, id: `river/fish-${i}`, downloads: 1000 - i, config: { model_type: type } });
  }
  const found = await searchModels(access, 'fish', 'safetensors', ({ config }) => config.model_type === 'llama');
  expect(found.map((model) => model.id)).toEqual(Array.from({ length: 30 }, (_, i) => `river/fish-${95 + i}`));
  expect(searches().map((query) => query.get('limit'))).toEqual(['100', '500']);
});

test('a search for GGUF files tells their architecture and parameters', async () => {
  hub.repos.push(ggufs);
  const found = await searchModels(access, '', 'gguf', () => true);
  expect(found).toMatchObject([{ id: ggufs.id, ggufArchitecture: 'llama', parameters: 12_345 }]);
  const [asked] = searches();
  expect([asked?.getAll('filter'), asked?.get('pipeline_tag')]).toEqual([['gguf'], null]);
  expect(asked?.getAll('expand')).toContain('gguf');
});

describe('a repository of GGUF files', () => {
  const open = async () => {
    hub.repos.push(ggufs);
    return openRepository(access, { kind: 'model', id: ggufs.id });
  };
  const chosen = async (file?: string): Promise<string[]> => filesOfModel(await open(), file).map(({ path }) => path);

  test('is one file by default, or the one that is named, with all its parts', async () => {
    expect(await chosen()).toEqual(['otter-Q8_0.gguf']);
    expect(await chosen('q4_k_m')).toEqual(['otter-Q4_K_M.gguf']);
    expect(await chosen('otter-IQ3_XS.gguf')).toEqual(['otter-IQ3_XS.gguf']);
    const parts = ['BF16/otter-BF16-00001-of-00002.gguf', 'BF16/otter-BF16-00002-of-00002.gguf'];
    expect(await chosen('BF16')).toEqual(parts);
    expect(await chosen(parts[0])).toEqual(parts);
    expect(ggufsAmong((await open()).files).map(({ quantisation }) => quantisation)).toEqual([
      'Q8_0',
      'BF16',
      'Q4_K_M',
      'IQ3_XS',
    ]);
  });

  test('says what it has where another is asked for', async () => {
    const { code, message, fix } = await problemOf(chosen('Q2_K'));
    expect([code, message]).toEqual(['gguf-file-missing', 'river/otter-GGUF has no GGUF file Q2_K.']);
    expect(fix).toBe('It has Q8_0, BF16, Q4_K_M, IQ3_XS: name one of these, as in river/otter-GGUF:Q8_0.');
  });

  test('is found in the cache file by file, and not before all parts are there', async () => {
    const repository = await open();
    const bring = (file?: string) => go({ ...repository, files: filesOfModel(repository, file) });
    expect(cachedModel(cache, ggufs.id)).toBeUndefined();
    await bring('Q4_K_M');
    const folder = snapshotOf(join(cache, 'models--river--otter-GGUF'));
    expect(cachedModel(cache, ggufs.id)).toBe(join(folder, 'otter-Q4_K_M.gguf'));
    expect(cachedModel(cache, ggufs.id, 'Q8_0')).toBeUndefined();
    await bring();
    expect(cachedModel(cache, ggufs.id)).toBe(join(folder, 'otter-Q8_0.gguf'));
    await bring('BF16');
    expect(cachedModel(cache, ggufs.id, 'bf16')).toBe(join(folder, 'BF16/otter-BF16-00001-of-00002.gguf'));
    rmSync(join(folder, 'BF16/otter-BF16-00002-of-00002.gguf'));
    expect(cachedModel(cache, ggufs.id, 'bf16')).toBeUndefined();
  });
});

test('the cache lies where huggingface_hub has it', () => {
  expect(hubCacheFolder({ HF_HOME: '/hf' })).toBe('/hf/hub');
  expect(hubCacheFolder({ HF_HOME: '/hf', HF_HUB_CACHE: '/cache' })).toBe('/cache');
  expect(hubCacheFolder({ XDG_CACHE_HOME: '/xdg', HF_HOME: '' })).toBe('/xdg/huggingface/hub');
});
