// Which files and folders a window may have the program read or write: what the person picked or dropped, what runs of
// the history use, Lorelei's home, the Hugging Face cache, and what ships with Lorelei. The command line asks nobody.
//
// What this is against: a page that was taken over, by a row of a dataset or a model card that found a hole in it. It can
// send any command of the contract with any path. It cannot touch the disk by itself, make links, or reach the system's
// dialogs. In the desktop app grants come from the main process and the preload alone (dialog, question, drop), so such
// a page reaches nothing that the person did not hand over. Under `lorelei serve` the page is the only surface that the
// person has, and its picker grants what it is told to: there the check keeps mistakes and files of a foreign recipe
// out, and what protects the disk is that nobody else gets a session (hosts/serve.ts). It is no protection against other
// programs of the same user, who read the disk anyway and could move a link between the check and its use.
import { existsSync, lstatSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, resolve, sep } from 'node:path';
import { z } from 'zod';
import { writeFileAtomically } from '../checkpoints/atomic.ts';
import { fileProblem } from '../checkpoints/file-problem.ts';
import { hasSystemCode, UserError } from '../errors.ts';

/** The oldest are forgotten: a draft names a handful. */
const KEPT = 1000;

const keptPaths = z.array(z.string());

type Places = {
  /** Where what was granted is kept. */
  file: string;
  /** Open with everything below. */
  open: readonly string[];
  /** Never open, wherever they lie: keys, and what the program itself lives on. */
  closed: readonly string[];
  /** What runs read and wrote, some of it below `open`. `version` differs where there may be others. */
  usedByRuns: { version: () => string; paths: () => string[] };
};

/** Roots as they were when last looked for. */
type Looked = { version: string; roots: string[] };

export class FileGrants {
  readonly #places: Places;
  #ofRuns: Looked = { version: '', roots: [] };
  #keptThen: Looked = { version: '', roots: [] };

  constructor(places: Places) {
    this.#places = places;
  }

  /** Opens these, with everything below, now and after restarts. Throws UserError where one cannot be looked up. */
  grant(paths: readonly string[]): void {
    const fresh = paths.filter((path) => !this.covers(path)).flatMap((path) => [realOf(path), ...blobsBeside(path)]);
    if (fresh.length === 0) return;
    // Another program on the same home may have granted something since.
    const kept = [...new Set([...this.#kept(), ...fresh])].slice(-KEPT);
    writeFileAtomically(this.#places.file, (write) => write(Buffer.from(`${JSON.stringify(kept, null, 2)}\n`)));
  }

  /** Whether a path, absolute, may be read or written. Links count as what they lead to. */
  covers(path: string): boolean {
    return this.#judge()(path);
  }

  /** Throws UserError "file-not-granted" unless all of these may be used. */
  require(paths: readonly string[]): void {
    const covers = this.#judge();
    const refused = [...new Set(paths)].filter((path) => !covers(path));
    if (refused.length > 0) throw notGranted(refused);
  }

  #judge(): (path: string) => boolean {
    const closed = this.#places.closed.map(realUnlessGone);
    const roots = [...this.#places.open.map(realUnlessGone), ...this.#kept()];
    const covered = (real: string): boolean =>
      roots.some((root) => isWithin(real, root)) || this.#usedByRuns().some((root) => isWithin(real, root));
    return (path) => {
      // Looking at \\server\share would already tell that server who the person is.
      if (process.platform === 'win32' && /^[\\/]{2}/.test(path) && !covered(resolve(path))) return false;
      const real = placeOnDisk(path);
      return real !== undefined && !closed.some((one) => isWithin(real, one)) && covered(real);
    };
  }

  #kept(): string[] {
    const { file } = this.#places;
    const stats = statSync(file, { throwIfNoEntry: false });
    const version = stats === undefined ? '' : `${String(stats.mtimeMs)} ${String(stats.size)} ${String(stats.ino)}`;
    if (version !== this.#keptThen.version) this.#keptThen = { version, roots: readKept(file) };
    return this.#keptThen.roots;
  }

  #usedByRuns(): string[] {
    const { usedByRuns, open } = this.#places;
    const version = usedByRuns.version();
    if (this.#ofRuns.version !== version) {
      const outside = usedByRuns
        .paths()
        .filter((path) => isAbsolute(path) && !open.some((root) => isWithin(path, root)));
      // "file.json#list" names a list in the file.
      const files = outside.flatMap((path) => [path, path.replace(/#[^#]*$/, '')]);
      const roots = [...new Set(files)].map(placeOnDisk).filter((root) => root !== undefined);
      this.#ofRuns = { version, roots };
    }
    return this.#ofRuns.roots;
  }
}

function readKept(file: string): string[] {
  if (!existsSync(file)) return [];
  try {
    return keptPaths.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch (error) {
    // Nothing is lost but clicks: what was picked is asked for again.
    console.error(`The granted paths in ${file} cannot be read.`, error);
    return [];
  }
}

/** What a window is told that used what it was not given; it can offer to ask for `paths`. */
export function notGranted(paths: string[]): UserError {
  const [first = '', ...others] = paths;
  const more = others.length === 0 ? '' : ` and ${others.length} more`;
  return new UserError({
    code: 'file-not-granted',
    message: `Lorelei does not use ${first}${more} yet: you did not pick it in a window.`,
    fix: 'Allow it, or pick it with Browse.',
    paths,
  });
}

function isWithin(path: string, root: string): boolean {
  return path === root || path.startsWith(root.endsWith(sep) ? root : root + sep);
}

/**
 * Where a path really leads, its links followed; what does not exist yet lies in the nearest folder that does. Undefined
 * where that cannot be said: a relative path, NUL, a link to nothing, a folder that may not be looked into.
 */
function placeOnDisk(path: string): string | undefined {
  if (!isAbsolute(path) || path.includes('\0')) return undefined;
  try {
    return realOf(path);
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

function realOf(path: string): string {
  const missing: string[] = [];
  for (let existing = resolve(path); ; existing = dirname(existing)) {
    try {
      // The system's own: it gives names in the case in which they are stored.
      return join(realpathSync.native(existing), ...missing);
    } catch (error) {
      const isMissing = hasSystemCode(error, 'ENOENT', 'ENOTDIR', 'ENAMETOOLONG');
      if (!isMissing || isLink(existing) || existing === dirname(existing)) throw problemOf(error, path);
      missing.unshift(basename(existing));
    }
  }
}

function problemOf(error: unknown, path: string): unknown {
  const problem = fileProblem(error, path, 'read');
  if (problem instanceof UserError) return problem;
  return new UserError(
    { code: 'path-unusable', message: `${path} leads nowhere.`, fix: 'Pick another file or folder.' },
    { cause: error },
  );
}

function isLink(path: string): boolean {
  try {
    return lstatSync(path).isSymbolicLink();
  } catch {
    return false;
  }
}

const realUnlessGone = (path: string): string => placeOnDisk(path) ?? path;

/** The files of a snapshot in a Hugging Face cache, wherever that lies, are links into the blobs of its repository. */
function blobsBeside(path: string): string[] {
  const snapshots = dirname(resolve(path));
  const repository = dirname(snapshots);
  const isSnapshot = basename(snapshots) === 'snapshots' && /^(models|datasets)--/.test(basename(repository));
  return isSnapshot ? [realOf(join(repository, 'blobs'))] : [];
}
