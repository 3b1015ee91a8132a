// CUDA support is installed from a feed on this machine, over lines of every quality, and from files.
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import type * as Fs from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { resourcePath } from '../../main/app/resources.ts';
import { bytesDownloaded, installFromFeed, installFromFile, type InstallOptions } from '../../main/cuda/install.ts';
import { findInstallation, libraryPath, removeInstallation } from '../../main/cuda/installation.ts';
import { readWheelPins } from '../../main/cuda/wheels.ts';
import type * as CudaPackages from '../../main/engine/runtime/cuda-package.ts';
import { cudaPackage, libraryPackages } from '../../main/engine/runtime/cuda-package.ts';
import { checkInstalled, loadInstalled } from '../../main/engine/runtime/installed-library.ts';
import { feedStub, type FeedStub } from '../support/feed-stub.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { zipOf } from '../support/zip-file.ts';

const statfs = vi.hoisted(() => ({ freeBytes: undefined as number | undefined }));
vi.mock('node:fs', async (original) => {
  const fs = await original<typeof Fs>();
  return {
    ...fs,
    statfsSync: (path: string) =>
      statfs.freeBytes === undefined ? fs.statfsSync(path) : { bavail: statfs.freeBytes, bsize: 1 },
  };
});

/** Where the library's packages are taken from; absent: where they lie. */
const bundle = vi.hoisted(() => ({ folder: undefined as string | undefined }));
vi.mock('../../main/engine/runtime/cuda-package.ts', async (original) => {
  const own = await original<typeof CudaPackages>();
  return {
    ...own,
    libraryPackages: () =>
      own.libraryPackages().map(({ name, folder }) => ({
        name,
        folder: bundle.folder === undefined ? folder : join(bundle.folder, name),
      })),
  };
});

const real = cudaPackage('linux/x64');
if (real === undefined) throw new Error('onnxruntime-node names no CUDA package for linux/x64');

// What cannot be packed smaller, so that a cut falls where it should.
const libraries = {
  'libonnxruntime_providers_cuda.so': randomBytes(300_000),
  'libonnxruntime_providers_shared.so': randomBytes(10_000),
  'libonnxruntime_providers_tensorrt.so': randomBytes(20_000),
};
const nuspec = (id: string, version: string): string =>
  `<?xml version="1.0"?><package><metadata><id>${id}</id><version>${version}</version></metadata></package>`;
const nupkgOf = (id = real.name, version = real.version): Buffer =>
  zipOf({
    [`${real.name}.nuspec`]: nuspec(id, version),
    'README.md': '# not for us',
    ...Object.fromEntries(
      Object.entries(libraries).map(([name, bytes]) => [`runtimes/linux-x64/native/${name}`, bytes]),
    ),
  });
const nupkg = nupkgOf();
const wheelOf = (name: string, version: string): Buffer =>
  zipOf({
    [`onnxruntime_gpu-${version}.dist-info/METADATA`]: `Metadata-Version: 2.1\nName: ${name}\nVersion: ${version}\n`,
    ...Object.fromEntries(Object.entries(libraries).map(([file, bytes]) => [`onnxruntime/capi/${file}`, bytes])),
  });

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
const pins = readWheelPins(resourcePath('cuda', 'wheels.json'));
const scratch = tempFolder();
let count = 0;
let home: string;
let feed: FeedStub;

beforeEach(async () => {
  home = join(scratch.path, String(count++));
  mkdirSync(home);
  feed = await feedStub(real, nupkg);
});
afterEach(() => {
  statfs.freeBytes = undefined;
  return feed.close();
});

const options = (more: Partial<InstallOptions> = {}): InstallOptions => ({
  home,
  pins,
  signal: new AbortController().signal,
  onProgress: () => undefined,
  source: feed.source,
  patience: { retryMs: [1, 1], silenceMs: 2000 },
  ...more,
});
const failure = (work: Promise<unknown>) =>
  work.then(
    () => expect.unreachable('it should fail'),
    (error: unknown) => error as { code?: string; message: string; fix: string },
  );
const packageRequests = (): string[] => feed.requests.filter((one) => one.includes('.nupkg'));

test('the pinned wheels are of the version that onnxruntime-node has', () => {
  expect(pins.version).toBe(real.version);
  expect(Object.keys(pins.libraries).sort()).toEqual(real.files.map(({ name }) => name).sort());
});

describe('from the feed', () => {
  test('lays the libraries beside a copy of onnxruntime-node that loads from there, and notes their hashes', async () => {
    const phases: string[] = [];
    await installFromFeed(options({ onProgress: ({ phase }) => phases.push(phase) }));
    const installed = findInstallation(home);
    const folder = installed?.folder ?? '';
    expect(folder).toBe(join(home, 'cuda', real.version));
    for (const [name, bytes] of Object.entries(libraries)) {
      const path = libraryPath(name);
      expect(readFileSync(join(folder, path)).equals(bytes)).toBe(true);
      expect(installed?.sha256[path]).toBe(sha256(bytes));
    }
    expect([...new Set(phases)]).toEqual(['Asking the feed', 'Downloading', 'Unpacking']);
    expect(readdirSync(join(home, 'cuda'))).toEqual([real.version]);
    // The library looks for its parts where it lies itself: that is the copy, and it is a working one.
    const library = (await loadInstalled(folder)) as { listSupportedBackends: () => { name: string }[] };
    expect(library.listSupportedBackends().map(({ name }) => name)).toContain('cpu');
    const resolved = createRequire(join(folder, 'index.js')).resolve('onnxruntime-node');
    expect(resolved.startsWith(folder)).toBe(true);
  });

  test('goes on where the line was cut', async () => {
    feed.line.cutAfter = 150_000;
    await installFromFeed(options());
    expect(findInstallation(home)).toBeDefined();
    expect(packageRequests()).toHaveLength(2);
    expect(packageRequests()[1]).toMatch(/bytes=\d{5,}-$/);
  });

  test('a new program goes on with what came before the last one was ended', async () => {
    feed.line.pauseMs = 5;
    const stopping = new AbortController();
    const first = installFromFeed(
      options({
        signal: stopping.signal,
        onProgress: ({ phase, done }) => {
          if (phase === 'Downloading' && done > 100_000) stopping.abort(new Error('paused'));
        },
      }),
    );
    expect((await failure(first)).message).toBe('paused');
    const kept = bytesDownloaded(home);
    expect(kept).toBeGreaterThan(100_000);
    expect(kept).toBeLessThan(nupkg.length);
    expect(findInstallation(home)).toBeUndefined();
    feed.line.pauseMs = undefined;
    await installFromFeed(options());
    expect(packageRequests().at(-1)).toMatch(new RegExp(`bytes=${kept}-$`));
    expect(bytesDownloaded(home)).toBe(0);
    await checkInstalled(findInstallation(home)?.folder ?? '');
  });

  test('goes on as often as the line or the program is cut', async () => {
    Object.assign(feed.line, { pauseMs: 2, cutAfter: 30_000 });
    for (const upTo of [50_000, 100_000, 150_000, 200_000]) {
      const stopping = new AbortController();
      const begun = bytesDownloaded(home);
      const onProgress: InstallOptions['onProgress'] = ({ phase, done }) => {
        if (phase === 'Downloading' && done > upTo) stopping.abort(new Error('paused'));
      };
      expect((await failure(installFromFeed(options({ signal: stopping.signal, onProgress })))).message).toBe('paused');
      expect(bytesDownloaded(home)).toBeGreaterThan(begun);
    }
    await installFromFeed(options());
    // One for each time, one more for the line that was cut at first; only the first began at the beginning.
    expect(packageRequests()).toHaveLength(6);
    expect(packageRequests().filter((one) => !/bytes=[1-9]\d*-$/.test(one))).toHaveLength(1);
    await checkInstalled(findInstallation(home)?.folder ?? '');
  });

  test('throws away what is not what the catalog lists', async () => {
    feed.line.spoils = true;
    const { code, fix } = await failure(installFromFeed(options()));
    expect(code).toBe('cuda-checksum');
    expect(fix).toContain('another network');
    expect(findInstallation(home)).toBeUndefined();
    expect(bytesDownloaded(home)).toBe(0);
    feed.line.spoils = false;
    await installFromFeed(options());
    expect(findInstallation(home)).toBeDefined();
  });

  test('asks for room before the download', async () => {
    statfs.freeBytes = nupkg.length;
    expect((await failure(installFromFeed(options()))).code).toBe('disk-full');
    expect(packageRequests()).toEqual([]);
  });

  test('says who cannot be reached, and that a file does too', async () => {
    await feed.close();
    const { code, message, fix } = await failure(installFromFeed(options()));
    expect(code).toBe('cuda-feed-unreachable');
    expect(message).toContain(new URL(feed.source.feedIndex).host);
    expect(fix).toContain(`${real.name} ${real.version}`);
  });

  test('a page of a proxy is no feed', async () => {
    feed.line.answer = { status: 200, body: '<html>Please log in</html>' };
    expect((await failure(installFromFeed(options()))).code).toBe('cuda-feed-invalid');
    feed.line.answer = { status: 503, body: 'busy' };
    expect((await failure(installFromFeed(options()))).code).toBe('cuda-feed-refused');
  });

  test.skipIf(process.getuid?.() === 0)('a home that cannot be written is said so', async () => {
    chmodSync(home, 0o500);
    expect((await failure(installFromFeed(options()))).code).toBe('permission-denied');
    chmodSync(home, 0o700);
  });
});

describe('from a file', () => {
  const file = (name: string, bytes: Buffer): string => scratch.write(`files${count}/${name}`, bytes);

  test('takes the package, and replaces what was installed', async () => {
    await installFromFile(file('one.nupkg', nupkg), options());
    const before = findInstallation(home);
    await installFromFile(file('one.nupkg', nupkg), options());
    expect(findInstallation(home)?.installedAt).toBeGreaterThanOrEqual(before?.installedAt ?? Infinity);
    expect(feed.requests).toEqual([]);
  });

  test('takes a wheel whose libraries are the published ones, and no other', async () => {
    const wheel = file('onnxruntime_gpu.whl', wheelOf('onnxruntime-gpu', real.version));
    const { code, message } = await failure(installFromFile(wheel, options()));
    expect(code).toBe('cuda-file-changed');
    expect(message).toContain(sha256(libraries['libonnxruntime_providers_cuda.so']));
    expect(findInstallation(home)).toBeUndefined();
    const known = Object.fromEntries(Object.entries(libraries).map(([name, bytes]) => [name, [sha256(bytes)]]));
    await installFromFile(wheel, options({ pins: { ...pins, libraries: known } }));
    expect(findInstallation(home)?.source).toContain('onnxruntime-gpu');
  });

  test('a failed one leaves what was installed', async () => {
    await installFromFile(file('one.nupkg', nupkg), options());
    const wheel = file('changed.whl', wheelOf('onnxruntime-gpu', real.version));
    await failure(installFromFile(wheel, options()));
    await checkInstalled(findInstallation(home)?.folder ?? '');
    expect(readdirSync(join(home, 'cuda'))).toEqual([real.version]);
  });

  test.each([
    ['another version', () => nupkgOf(real.name, '1.2.3'), 'cuda-version'],
    ['another package', () => nupkgOf('Some.Thing', real.version), 'cuda-file-unknown'],
    ['the wheel for processors', () => wheelOf('onnxruntime', real.version), 'cuda-file-unknown'],
    ['another archive', () => zipOf({ 'a.txt': 'a' }), 'cuda-file-unknown'],
    ['no archive', () => Buffer.from('hello'), 'archive-invalid'],
    ['a cut archive', () => nupkg.subarray(0, nupkg.length - 5000), 'archive-invalid'],
    [
      'a package without libraries',
      () => zipOf({ 'a.nuspec': nuspec(real.name, real.version) }),
      'cuda-file-incomplete',
    ],
    ['a damaged one', () => flipped(nupkg, 100_000), 'archive-invalid'],
  ])('%s is refused', async (_name, bytes, code) => {
    expect((await failure(installFromFile(file('given', bytes()), options()))).code).toBe(code);
    expect(findInstallation(home)).toBeUndefined();
  });

  test('a file that is not there is said so', async () => {
    expect((await failure(installFromFile(join(home, 'none.whl'), options()))).code).toBe('file-not-found');
  });

  test('a full disk is said so and leaves nothing', async () => {
    statfs.freeBytes = 1000;
    expect((await failure(installFromFile(file('one.nupkg', nupkg), options()))).code).toBe('disk-full');
    expect(readdirSync(join(home, 'cuda'))).toEqual([]);
  });
});

describe.skipIf(!canMount())('on a disk that becomes full in the middle', () => {
  let disk: string;
  beforeEach(() => {
    disk = join(scratch.path, `disk${count}`);
    mkdirSync(disk);
    // Room for a part of the package, or of what it holds. What the disk says of itself is not believed.
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', disk]);
    statfs.freeBytes = 1e12;
  });
  afterEach(() => execFileSync('umount', [disk]));

  test('a download keeps what came, says so, and is gone on with once there is room', async () => {
    const { code, fix } = await failure(installFromFeed(options({ home: disk })));
    expect(code).toBe('disk-full');
    expect(fix).toContain('what came so far is kept');
    const kept = bytesDownloaded(disk);
    expect(kept).toBeGreaterThan(0);
    expect(findInstallation(disk)).toBeUndefined();
    execFileSync('mount', ['-o', 'remount,size=200m', disk]);
    await installFromFeed(options({ home: disk }));
    expect(packageRequests().at(-1)).toMatch(new RegExp(`bytes=${kept}-$`));
    await checkInstalled(findInstallation(disk)?.folder ?? '');
  });

  test('unpacking leaves nothing of itself and what was installed before', async () => {
    execFileSync('mount', ['-o', 'remount,size=200m', disk]);
    const file = scratch.write(`files${count}/one.nupkg`, nupkg);
    await installFromFile(file, options({ home: disk }));
    const before = findInstallation(disk);
    const used =
      statSync(disk).blksize * 8 +
      1024 * Number(/\d+/.exec(execFileSync('du', ['-sk', disk], { encoding: 'utf8' }))?.[0]);
    execFileSync('mount', ['-o', `remount,size=${used + 100_000}`, disk]);
    const { code, message, fix } = await failure(installFromFile(file, options({ home: disk })));
    expect(code).toBe('disk-full');
    expect(message).toContain('the disk is full');
    expect(fix).toContain('Nothing half-written was left');
    expect(readdirSync(join(disk, 'cuda'))).toEqual([real.version]);
    expect(findInstallation(disk)).toEqual(before);
    await checkInstalled(before?.folder ?? '');
  });
});

test.skipIf(!canMount())('an app on a disk that cannot be written to installs all the same', async () => {
  const app = join(scratch.path, `app${count}`);
  const modules = join(app, 'resources', 'app.asar.unpacked', 'node_modules');
  mkdirSync(app);
  execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', app]);
  try {
    // Without the other platforms' libraries.
    const isOurs = (path: string): boolean => !/napi-v6.(darwin|win32)|linux.arm64/.test(path);
    for (const { name, folder } of libraryPackages())
      cpSync(folder, join(modules, name), { recursive: true, filter: isOurs });
    execFileSync('chmod', ['-R', 'a-w', app]);
    execFileSync('mount', ['-o', 'remount,ro', app]);
    const before = readdirSync(app, { recursive: true });
    bundle.folder = modules;
    await installFromFile(scratch.write(`files${count}/one.nupkg`, nupkg), options());
    const folder = findInstallation(home)?.folder ?? '';
    const library = (await loadInstalled(folder)) as { listSupportedBackends: () => { name: string }[] };
    expect(library.listSupportedBackends().map(({ name }) => name)).toContain('cpu');
    expect(readdirSync(app, { recursive: true })).toEqual(before);
    // What was copied from there can go again, and be replaced.
    await installFromFile(scratch.write(`files${count}/one.nupkg`, nupkg), options());
    expect(removeInstallation(home)).toBe(true);
  } finally {
    bundle.folder = undefined;
    execFileSync('umount', [app]);
  }
});

describe('what is installed', () => {
  beforeEach(() => installFromFile(scratch.write(`files${count}/one.nupkg`, nupkg), options()));

  test('is not loaded once a byte of it has changed', async () => {
    const folder = findInstallation(home)?.folder ?? '';
    const library = join(folder, libraryPath('libonnxruntime_providers_shared.so'));
    writeFileSync(library, flipped(readFileSync(library), 17));
    await expect(loadInstalled(folder)).rejects.toThrow(/providers_shared\.so .* is not the file that was installed/);
  });

  test('does not change the packages that it was copied from', () => {
    const own = createRequire(import.meta.url).resolve('onnxruntime-node/package.json');
    const names = readdirSync(join(own, '..', 'bin', 'napi-v6', process.platform, process.arch));
    expect(names.filter((name) => name.includes('providers'))).toEqual([]);
  });

  test('goes whole, once', () => {
    const folder = findInstallation(home)?.folder ?? '';
    expect(statSync(folder).isDirectory()).toBe(true);
    expect(removeInstallation(home)).toBe(true);
    expect(existsSync(folder)).toBe(false);
    expect(removeInstallation(home)).toBe(false);
  });

  test('a record that cannot be read is said so', () => {
    writeFileSync(join(findInstallation(home)?.folder ?? '', 'installed.json'), '{');
    expect(() => findInstallation(home)).toThrow(/cannot be read/);
  });
});

/** Whoever is root may mount, as a rule; some containers forbid it. */
function canMount(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  const place = scratch.path;
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', place], { stdio: 'ignore' });
    execFileSync('umount', [place]);
    return true;
  } catch {
    return false;
  }
}

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}
