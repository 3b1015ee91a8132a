// A model that is named by a GGUF file, as a folder that can be trained: converted once into the cache, and again where
// the cache was emptied in between.
import { createHash } from 'node:crypto';
import { closeSync, existsSync, fstatSync, mkdirSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { dirname, extname, join, resolve } from 'node:path';
import { UserError } from '../../errors.ts';
import { removeAbandoned } from '../atomic.ts';
import { withFileProblems } from '../file-problem.ts';
import { convertGguf, type ConvertHooks } from './convert.ts';
import { modelName, modelsAmong, partsOf } from './file-names.ts';
import { openGguf } from './model.ts';

/** Changes when the same file would give another folder. */
const conversionVersion = 3;

/**
 * The GGUF file that a path means: itself, or the only one in a folder that holds no other weights; of a model in parts
 * the first. Undefined for anything else. @throws UserError "gguf-ambiguous" for a folder of several
 */
export function ggufAt(path: string): string | undefined {
  if (!existsSync(path)) return undefined;
  if (!statSync(path).isDirectory())
    return extname(path).toLowerCase() === '.gguf' ? (partsOf(resolve(path))[0] ?? path) : undefined;
  const names = withFileProblems(path, 'read', () => readdirSync(path));
  if (names.some((name) => /\.(safetensors|bin|pt|pth)(\.index\.json)?$/.test(name))) return undefined;
  const files = modelsAmong(names).map(([first]) => first);
  const [file, another] = files;
  if (file === undefined) return undefined;
  if (another === undefined) return resolve(path, file);
  throw new UserError({
    code: 'gguf-ambiguous',
    message: `${path} holds ${files.length} GGUF files: ${files.slice(0, 5).join(', ')}${files.length > 5 ? ', …' : ''}.`,
    fix: `Give the file that is meant: ${resolve(path, file)}`,
  });
}

/** Where the cache has the converted model of a GGUF file, whether it is there already or not. */
export function placeOfConverted(file: string, cache: string): string {
  const fingerprints = partsOf(file).map(fingerprintOf);
  const [first = '', ...others] = fingerprints;
  const fingerprint = others.length === 0 ? first : createHash('sha256').update(fingerprints.join()).digest('hex');
  return join(cache, 'gguf', `${modelName(file)}-${fingerprint.slice(0, 12)}`);
}

/**
 * The folder to load a model from: the given path where it is no GGUF file, else that of the converted model.
 * @throws UserError as openGguf and convertGguf do
 */
export async function readyModel(path: string, cache: string, hooks: ConvertHooks = {}): Promise<string> {
  const file = ggufAt(path);
  if (file === undefined) return path;
  const folder = placeOfConverted(file, cache);
  if (isThere(folder)) return folder;
  const model = openGguf(file);
  mkdirSync(dirname(folder), { recursive: true });
  removeAbandoned(dirname(folder));
  try {
    await convertGguf(model, folder, hooks);
  } catch (error) {
    // Another process needed the same model and was faster.
    if (!isThere(folder)) throw error;
  }
  return folder;
}

const isThere = (folder: string): boolean => existsSync(join(folder, 'config.json'));

const samples = 64;
const sampleBytes = 65_536;

/** The same for the same file wherever it lies; reads its size and 4 MB spread over it, the header's beginning first. */
function fingerprintOf(file: string): string {
  return withFileProblems(file, 'read', () => {
    const handle = openSync(file, 'r');
    try {
      const { size } = fstatSync(handle);
      const hash = createHash('sha256').update(JSON.stringify([conversionVersion, size]));
      const block = new Uint8Array(sampleBytes);
      for (let i = 0; i < samples; i++) {
        const at = Math.floor((Math.max(0, size - sampleBytes) * i) / (samples - 1));
        hash.update(block.subarray(0, readSync(handle, block, 0, sampleBytes, at)));
      }
      return hash.digest('hex');
    } finally {
      closeSync(handle);
    }
  });
}
