// The installation that a window starts, pauses, goes on with and cancels: a real one, from a feed on this machine.
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { CudaInstall } from '../../preload/contract.ts';
import type { App } from '../../main/app/app.ts';
import { cancelCudaInstall, cudaInstalling, installCuda, pauseCudaInstall } from '../../main/app/cuda-support.ts';
import { resourcePath } from '../../main/app/resources.ts';
import { bytesDownloaded, installFromFeed } from '../../main/cuda/install.ts';
import { findInstallation } from '../../main/cuda/installation.ts';
import { readWheelPins } from '../../main/cuda/wheels.ts';
import { cudaPackage } from '../../main/engine/runtime/cuda-package.ts';
import { feedStub, type FeedStub } from '../support/feed-stub.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { zipOf } from '../support/zip-file.ts';

const real = cudaPackage();
const scratch = tempFolder();
let feed: FeedStub;
let homes = 0;
const nuspec = `<package><metadata><id>${real?.name}</id><version>${real?.version}</version></metadata></package>`;

beforeEach(async () => {
  if (real === undefined) return;
  const files = real.files.map(({ path }) => [path, randomBytes(200_000)] as const);
  feed = await feedStub(real, zipOf({ 'one.nuspec': nuspec, ...Object.fromEntries(files) }));
  feed.line.pauseMs = 5;
});
afterEach(() => feed.close());

function open(folder = join(scratch.path, `home${homes++}`)) {
  const seen: CudaInstall[] = [];
  const pins = readWheelPins(resourcePath('cuda', 'wheels.json'));
  const app = {
    home: { folder },
    tell: ({ install }: { install: CudaInstall }) => void seen.push(install),
    launchErrand: (_: string, __: unknown, { signal, onProgress }: Parameters<App['launchErrand']>[2]) =>
      installFromFeed({ home: folder, pins, source: feed.source, signal, onProgress }),
  } as unknown as App;
  const until = (state: CudaInstall['state'], phase = '', done = 0) =>
    expect
      .poll(() => seen.some((one) => one.state === state && one.phase.startsWith(phase) && one.done > done))
      .toBe(true);
  return { app, folder, seen, until };
}

test.skipIf(real === undefined)('is paused, gone on with after a restart, and ends', async () => {
  const { app, folder, until } = open();
  installCuda(app);
  await until('running', 'Downloading', 100_000);
  pauseCudaInstall(app);
  const paused = cudaInstalling(app);
  expect(paused).toMatchObject({ state: 'paused', phase: 'Downloading' });
  expect(bytesDownloaded(folder)).toBeGreaterThan(100_000);
  expect(findInstallation(folder)).toBeUndefined();

  const again = open(folder);
  expect(cudaInstalling(again.app)).toMatchObject({ state: 'paused', done: bytesDownloaded(folder) });
  feed.line.pauseMs = undefined;
  installCuda(again.app);
  await again.until('running', 'Unpacking', 100_000);
  await expect.poll(() => cudaInstalling(again.app).state).toBe('idle');
  expect(findInstallation(folder)?.version).toBe(real?.version);
  // It began anew where it was.
  expect(feed.requests.filter((one) => /nupkg bytes=\d{6}-$/.test(one))).toHaveLength(1);
});

test.skipIf(real === undefined)('a cancel throws away what came, and hears no more of it', async () => {
  const { app, folder, seen, until } = open();
  installCuda(app);
  await until('running', 'Downloading', 100_000);
  cancelCudaInstall(app);
  expect(cudaInstalling(app).state).toBe('idle');
  expect(bytesDownloaded(folder)).toBe(0);
  await new Promise((over) => setTimeout(over, 100));
  expect(seen.at(-1)?.state).toBe('idle');
});

test.skipIf(real === undefined)('a failure is told, and can be gone on with', async () => {
  const { app, folder } = open();
  feed.line.answer = { status: 503, body: 'busy' };
  installCuda(app);
  await expect.poll(() => cudaInstalling(app)).toMatchObject({ state: 'failed', error: { code: 'cuda-feed-refused' } });
  Object.assign(feed.line, { answer: undefined, pauseMs: undefined });
  installCuda(app);
  await expect.poll(() => cudaInstalling(app).state).toBe('idle');
  expect(findInstallation(folder)).toBeDefined();
});
