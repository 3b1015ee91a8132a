// Downloads as the windows see them: paused, gone on with, cancelled, failed, found again after a restart.
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Download } from '../../preload/contract.ts';
import { openDownloads, type Downloads } from '../../main/app/downloads.ts';
import { hubAccess } from '../../main/hub/access.ts';
import { filesOfModel, openRepository } from '../../main/hub/repository.ts';
import { hubStub, stubCommit, type HubStub, type StubRepo } from '../support/hub-stub.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { userErrorOf } from '../support/user-error.ts';

const id = 'river/otter';
const weights = randomBytes(1_500_000);
const otter: StubRepo = {
  id,
  files: { 'config.json': Buffer.from('{}'), 'model.safetensors': weights, 'tokenizer.json': Buffer.from('{}') },
};

const scratch = tempFolder();
let count = 0;
let hub: HubStub;
let home: string;
let cache: string;
let downloads: Downloads;
let told: Download[][];

beforeEach(async () => {
  hub = await hubStub([otter]);
  home = join(scratch.path, String(count++));
  cache = join(home, 'hub');
  scratch.write(`${count - 1}/made`, '');
  told = [];
  downloads = open();
});
afterEach(async () => {
  downloads.close();
  await hub.close();
});

const access = () => Promise.resolve(hubAccess({ HF_ENDPOINT: hub.url }, undefined));

function open(): Downloads {
  return openDownloads({
    home: { folder: home },
    cache,
    access,
    tell: (event) => {
      if (event.type === 'downloads-changed') told.push(event.downloads);
    },
    patience: { retryMs: [1, 1], silenceMs: 5000 },
  });
}

async function start(): Promise<Download> {
  const repository = await openRepository(await access(), { kind: 'model', id });
  return downloads.start({ ...repository, files: filesOfModel(repository) });
}

const only = (): Download => {
  const [one, ...others] = downloads.list();
  if (!one || others.length > 0) throw new Error(`${others.length} others`);
  return one;
};

const state = (wanted: Download['state']): Promise<void> =>
  vi.waitUntil(() => only().state === wanted, { interval: 5 }).then();
const someBytes = (): Promise<void> => vi.waitUntil(() => only().bytesDone > 200_000, { interval: 5 }).then();
const snapshot = (): string => join(cache, 'models--river--otter', 'snapshots', stubCommit);
const bytesFetched = (): number => hub.requests.filter((request) => request.startsWith('GET /blobs/')).length;

test('a download ends with its files, and is told on the way', async () => {
  const begun = await start();
  expect(begun).toMatchObject({ kind: 'model', repo: id, revision: 'main', state: 'running', folder: snapshot() });
  await state('finished');
  const total = Object.values(otter.files).reduce((sum, { length }) => sum + length, 0);
  expect(only()).toMatchObject({ bytesDone: total, bytesTotal: total, error: null });
  expect(only().files.map((file) => existsSync(file))).toEqual([true, true, true]);
  expect(told.at(-1)?.map(({ state }) => state)).toEqual(['finished']);
  // Once more: everything is there, nothing is fetched.
  const before = bytesFetched();
  expect((await start()).state).toBe('finished');
  expect(bytesFetched()).toBe(before);
});

test('a paused one goes on where it was, in the next program too', async () => {
  hub.line.pauseMs = 15;
  await start();
  await someBytes();
  downloads.pause(only().id);
  expect(only().state).toBe('paused');
  const { bytesDone } = only();
  expect(existsSync(snapshot())).toBe(false);

  const earlier = downloads;
  downloads = open();
  expect(only()).toMatchObject({ repo: id, state: 'paused' });
  expect(only().bytesDone).toBeGreaterThanOrEqual(bytesDone);
  hub.line.pauseMs = undefined;
  downloads.resume(only().id);
  await state('finished');
  expect(readFileSync(join(snapshot(), 'model.safetensors'))).toEqual(weights);
  expect(hub.requests.filter((request) => /^GET .blobs.* bytes=[1-9]/.test(request))).toHaveLength(1);
  earlier.close();
});

test('one that ran when the program ended is found paused', async () => {
  hub.line.pauseMs = 15;
  await start();
  await someBytes();
  downloads.close();
  downloads = open();
  expect(only().state).toBe('paused');
});

test('pausing and resuming at once never mixes two transfers into one file', async () => {
  hub.line.pauseMs = 5;
  await start();
  for (let i = 0; i < 5; i++) {
    await new Promise((soon) => setTimeout(soon, 12));
    downloads.pause(only().id);
    downloads.resume(only().id);
  }
  await state('finished');
  expect(readFileSync(join(snapshot(), 'model.safetensors'))).toEqual(weights);
});

test('a cancelled one leaves only what the cache keeps of it', async () => {
  hub.line.pauseMs = 15;
  const { id: name } = await start();
  await someBytes();
  downloads.cancel(name);
  expect(downloads.list()).toEqual([]);
  expect(JSON.parse(readFileSync(join(home, 'downloads.json'), 'utf8'))).toEqual([]);
  expect(readdirSync(join(cache, 'models--river--otter'))).toEqual(['blobs']);
  expect(userErrorOf(() => downloads.resume(name)).code).toBe('download-not-found');
  // Started again it goes on.
  hub.line.pauseMs = undefined;
  await start();
  await state('finished');
  expect(hub.requests.some((request) => /bytes=[1-9]/.test(request))).toBe(true);
});

test('a failed one says why, and can be tried again', async () => {
  hub.line.spoils = 'model.safetensors';
  await start();
  await state('failed');
  expect(only().error?.code).toBe('hub-checksum');
  downloads = open();
  expect(only()).toMatchObject({ state: 'failed', error: { code: 'hub-checksum' } });
  hub.line.spoils = undefined;
  downloads.resume(only().id);
  await state('finished');
});
