// Tells what a package file is: the feed's .nupkg or a wheel of Python's onnxruntime-gpu, of the right version.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { CudaPackage } from '../engine/runtime/cuda-package.ts';
import { UserError } from '../errors.ts';
import { extractEntry, type ArchiveEntry } from './archive.ts';
import type { WheelPins } from './wheels.ts';

export type PackageIdentity = {
  /** For a person: "onnxruntime-gpu 1.30.0 (a wheel)". */
  title: string;
  /** Where its libraries lie, with a slash at the end. */
  folder: string;
  /** Throws UserError "cuda-file-changed" where a library is not a known one. */
  check: (name: string, sha256: string) => void;
};

/** Throws UserError "cuda-file-unknown" or "cuda-version". */
export async function identifyPackage(
  path: string,
  entries: Map<string, ArchiveEntry>,
  source: CudaPackage,
  pins: WheelPins,
): Promise<PackageIdentity> {
  const names = [...entries.keys()];
  const find = (pattern: RegExp): ArchiveEntry | undefined => {
    const name = names.find((one) => pattern.test(one));
    return name === undefined ? undefined : entries.get(name);
  };
  const nuspec = find(/^[^/]+\.nuspec$/);
  if (nuspec !== undefined) {
    const text = await textOf(path, nuspec);
    const [id, version] = ['id', 'version'].map(
      (tag) => new RegExp(`<${tag}>\\s*([^<\\s]+)\\s*</${tag}>`).exec(text)?.[1],
    );
    if (id?.toLowerCase() !== source.name.toLowerCase())
      throw unknownFile(path, id ?? 'a package without a name', source, pins);
    requireVersion(path, version, source.version);
    const [first] = source.files;
    const folder = first === undefined ? '' : first.path.slice(0, first.path.lastIndexOf('/') + 1);
    // Its hash was the feed's to tell.
    return { title: `${source.name} ${source.version}`, folder, check: () => undefined };
  }
  const metadata = find(/^[^/]+\.dist-info\/METADATA$/);
  if (metadata === undefined) throw unknownFile(path, 'another kind of archive', source, pins);
  const text = await textOf(path, metadata);
  const [name, version] = ['Name', 'Version'].map((key) => new RegExp(`^${key}: (\\S+)`, 'm').exec(text)?.[1]);
  if (name?.replaceAll(/[-_.]+/g, '-').toLowerCase() !== pins.package)
    throw unknownFile(path, `a wheel of ${name ?? 'no name'}`, source, pins);
  requireVersion(path, version, source.version);
  return {
    title: `${pins.package} ${pins.version}, a wheel`,
    folder: 'onnxruntime/capi/',
    check(library, sha256) {
      if (pins.libraries[library]?.includes(sha256) === true) return;
      throw new UserError({
        code: 'cuda-file-changed',
        message: `${library} in ${path} is not as published: its SHA-256 is ${sha256}.`,
        fix: `Fetch one of these wheels: ${Object.keys(pins.wheels).join(', ')}.`,
      });
    },
  };
}

function requireVersion(path: string, version: string | undefined, wanted: string): void {
  if (version === wanted) return;
  throw new UserError({
    code: 'cuda-version',
    message: `${path} is version ${version ?? 'unknown'}, and the ONNX Runtime of this Lorelei is ${wanted}.`,
    fix: `Fetch version ${wanted}: parts of different versions do not work together.`,
  });
}

function unknownFile(path: string, what: string, { name, version }: CudaPackage, pins: WheelPins): UserError {
  return new UserError({
    code: 'cuda-file-unknown',
    message: `${path} is ${what}, not a package with CUDA support for ONNX Runtime.`,
    fix: `Take ${name} ${version} (.nupkg), or a wheel of ${pins.package} ${pins.version} for Linux on x86_64.`,
  });
}

const LONGEST_TEXT = 1 << 20;

async function textOf(path: string, entry: ArchiveEntry): Promise<string> {
  if (entry.size > LONGEST_TEXT) return '';
  const folder = mkdtempSync(join(tmpdir(), 'lorelei-'));
  try {
    const target = join(folder, basename(entry.name));
    await extractEntry(path, entry, target, { signal: new AbortController().signal, onBytes: () => undefined });
    return readFileSync(target, 'utf8');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
