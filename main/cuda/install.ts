// Brings CUDA support into the home folder, from the feed that onnxruntime-node names or from a file that a person has
// fetched. A download goes on where it was cut; the folder appears whole or not at all.
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { copyFile, mkdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { flushFolder, partialName, removeAbandoned } from '../checkpoints/atomic.ts';
import { requireDiskSpace } from '../checkpoints/disk-space.ts';
import { fileProblem, withFileProblems } from '../checkpoints/file-problem.ts';
import { binaryFolder, cudaPackage, libraryPackages, type CudaPackage } from '../engine/runtime/cuda-package.ts';
import { recordFile } from '../engine/runtime/installed-library.ts';
import { UserError } from '../errors.ts';
import { hubAccess } from '../hub/access.ts';
import { fetchFile, type Patience } from '../hub/fetch-file.ts';
import { archiveEntries, extractEntry, type ArchiveEntry } from './archive.ts';
import { packageOnFeed } from './feed.ts';
import { withFeedProblems } from './feed-problems.ts';
import { cudaFolder, installationFolder, libraryPath, removeInstallation } from './installation.ts';
import { identifyPackage } from './package-file.ts';
import type { WheelPins } from './wheels.ts';

export type InstallProgress = { phase: string; done: number; total: number };

export type InstallOptions = {
  home: string;
  pins: WheelPins;
  signal: AbortSignal;
  onProgress: (progress: InstallProgress) => void;
  /** Absent: what onnxruntime-node names. */
  source?: CudaPackage | undefined;
  patience?: Patience | undefined;
};

/**
 * Fetches the package and installs it. Throws UserError: "cuda-platform", "disk-full", "cuda-feed-unreachable",
 * "cuda-checksum", …; the signal's reason where it was aborted. What came stays, and the next call goes on with it.
 */
export async function installFromFeed(options: InstallOptions): Promise<void> {
  const { home, signal, onProgress, patience } = options;
  const source = sourceOf(options);
  const access = hubAccess({ HF_ENDPOINT: new URL(source.feedIndex).origin }, undefined);
  const file = await withFeedProblems(source, async () => {
    onProgress({ phase: 'Asking the feed', done: 0, total: 1 });
    const found = await packageOnFeed(source, access.fetch, signal);
    const places = { partial: partialFile(home, source), whole: join(downloadFolder(home), found.path) };
    if (!existsSync(places.whole)) {
      const there = statSync(places.partial, { throwIfNoEntry: false })?.size ?? 0;
      // The libraries take about as much again, and the copy of the library little.
      requireDiskSpace(home, Math.max(0, found.size - there) + found.size);
      await fetchFile(access, found, places, {
        signal,
        patience,
        onBytes: (done) => onProgress({ phase: 'Downloading', done, total: found.size }),
      });
    }
    return places.whole;
  });
  try {
    await installPackage(file, options);
  } catch (error) {
    // Its hash was right when it came: a refusal is the package's, and the next try may fetch another.
    if (!signal.aborted && error instanceof UserError && error.code !== 'disk-full') rmSync(file, { force: true });
    throw error;
  }
  rmSync(downloadFolder(home), { recursive: true, force: true });
}

/** Installs from a .nupkg or a wheel. Throws UserError: "cuda-file-unknown", "cuda-file-changed", "disk-full", … */
export function installFromFile(path: string, options: InstallOptions): Promise<void> {
  return installPackage(path, options);
}

async function installPackage(path: string, options: InstallOptions): Promise<void> {
  const { home, pins, signal, onProgress } = options;
  const source = sourceOf(options);
  const folder = installationFolder(home) ?? '';
  const entries = await archiveEntries(path).catch((error: unknown) => {
    throw fileProblem(error, path, 'read');
  });
  const identity = await identifyPackage(path, entries, source, pins);
  const packed = source.files.map(({ name }) => entryOf(entries, identity.folder + name, path));
  const total = packed.reduce((sum, { size }) => sum + size, 0);
  withFileProblems(cudaFolder(home), 'written', () => mkdirSync(cudaFolder(home), { recursive: true }));
  removeAbandoned(cudaFolder(home));
  requireDiskSpace(home, total + COPY_BYTES);
  let done = 0;
  const begun = join(cudaFolder(home), partialName(source.version));
  try {
    const libraries = join(begun, dirname(libraryPath('any')));
    mkdirSync(libraries, { recursive: true });
    const sha256: Record<string, string> = {};
    for (const entry of packed) {
      const name = libraryPath(basename(entry.name));
      sha256[name] = await extractEntry(path, entry, join(begun, name), {
        signal,
        onBytes(bytes) {
          done += bytes;
          onProgress({ phase: 'Unpacking', done, total });
        },
      });
      identity.check(basename(entry.name), sha256[name]);
    }
    await copyLibrary(begun);
    const about = { version: source.version, source: identity.title, installedAt: Date.now(), sha256 };
    writeFileSync(join(begun, recordFile), JSON.stringify(about, undefined, 2));
    // What is there goes only once its successor is whole.
    removeInstallation(home);
    renameSync(begun, folder);
    flushFolder(cudaFolder(home));
  } catch (error) {
    rmSync(begun, { recursive: true, force: true });
    signal.throwIfAborted();
    throw fileProblem(error, folder, 'written');
  }
}

/** Of onnxruntime-node's own files of one platform. */
const COPY_BYTES = 50e6;

/** onnxruntime-node and what it requires, without the other platforms' libraries. */
async function copyLibrary(folder: string): Promise<void> {
  for (const { name, folder: from } of libraryPackages()) {
    const isLibrary = (path: string): boolean => path.startsWith('bin') || path.startsWith('script');
    const paths = filesBelow(from).filter((path) => !isLibrary(path) || path.startsWith(binaryFolder));
    for (const path of paths) {
      const target = join(folder, 'node_modules', name, path);
      await mkdir(dirname(target), { recursive: true });
      await copyFile(join(from, path), target);
    }
  }
}

/** Paths of files, whatever kind of disk: Electron shows an archive as a folder, but not to every function. */
function filesBelow(folder: string, below = ''): string[] {
  return readdirSync(join(folder, below), { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? filesBelow(folder, join(below, entry.name)) : [join(below, entry.name)],
  );
}

function entryOf(entries: Map<string, ArchiveEntry>, name: string, path: string): ArchiveEntry {
  const entry = entries.get(name);
  if (entry !== undefined) return entry;
  throw new UserError({
    code: 'cuda-file-incomplete',
    message: `${path} has no ${name}.`,
    fix: 'Fetch the package again, for Linux on x64.',
  });
}

function sourceOf({ source }: Pick<InstallOptions, 'source'>): CudaPackage {
  const found = source ?? cudaPackage();
  if (found !== undefined) return found;
  throw new UserError({
    code: 'cuda-platform',
    message: `ONNX Runtime has no CUDA support to install for ${process.platform} on ${process.arch}.`,
    fix: 'Use device: auto, which takes the best device that this machine has.',
  });
}

export const downloadFolder = (home: string): string => join(cudaFolder(home), 'download');

const partialFile = (home: string, { version }: CudaPackage): string =>
  join(downloadFolder(home), `${version}.nupkg.partial`);

/** Bytes of an unfinished download. */
export function bytesDownloaded(home: string): number {
  const folder = downloadFolder(home);
  const names = existsSync(folder) ? readdirSync(folder) : [];
  return names.reduce((sum, name) => sum + (statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0), 0);
}

/** Throws away what has come of a download. */
export function forgetDownload(home: string): void {
  rmSync(downloadFolder(home), { recursive: true, force: true });
}
