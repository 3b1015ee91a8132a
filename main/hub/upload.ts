// Puts a folder into a model repository of the Hub as one commit: the repository is made where there is none, large
// files go to the Hub's storage first, and nothing of it is to be seen until the commit at the end.
import { commitIter, createRepo, listFiles, type CommitOutput, type CommitProgressEvent } from '@huggingface/hub';
import { UserError } from '../errors.ts';
import { HubRefusal, type HubAccess } from './access.ts';
import { hubAccount, requireWrite, tokenOfFetch } from './account.ts';
import type { Patience } from './fetch-file.ts';
import { publicFiles } from './public-files.ts';
import { uploadFetch } from './send.ts';
import { uploadProblem } from './upload-problems.ts';
import { findRepo, uploadTarget, type UploadTarget } from './upload-target.ts';

export type UploadOrder = {
  /** Of its files those of the model are uploaded, without paths of this machine. */
  folder: string;
  /** "ada/otter", or "otter" for the account's own. */
  repo: string;
  isPrivate: boolean;
  /** First line of the commit. */
  message: string;
  /** Names of the main files. Those of the repository that match and that the folder lacks are stale: they are deleted. */
  main: RegExp;
};

export type Uploaded = {
  repo: string;
  url: string;
  commitUrl: string;
  /** The repository is new. */
  isNew: boolean;
  isPrivate: boolean;
};

export type UploadHooks = {
  signal: AbortSignal;
  /** Bytes of all files. */
  onProgress: (progress: { phase: string; done: number; total: number }) => void;
  patience?: Patience | undefined;
};

/**
 * Throws UserError "hub-name-invalid", "hub-repo-public", "hub-name-taken", and those of hubAccount, requireWrite and
 * uploadProblem; the signal's reason where it was aborted. A later call sends no large file again that had arrived.
 */
export async function uploadFolder(access: HubAccess, order: UploadOrder, hooks: UploadHooks): Promise<Uploaded> {
  const account = await hubAccount(access);
  requireWrite(access, account);
  const target = await uploadTarget(access, account, order.repo);
  requirePrivacy(target, order.isPrivate);
  const { repo, url } = target;
  // Ends what is still on its way when one request fails.
  const ending = new AbortController();
  const signal = AbortSignal.any([hooks.signal, ending.signal]);
  try {
    const found = target.found ?? (await makeRepo(access, repo, order.isPrivate));
    const { commit } = await sendFiles(access, { ...order, repo }, { ...hooks, signal });
    return { repo, url, commitUrl: commit.url, isNew: target.found === null, isPrivate: found.isPrivate };
  } catch (error) {
    hooks.signal.throwIfAborted();
    throw uploadProblem(error, access, account, repo);
  } finally {
    ending.abort();
  }
}

/** What was to be private is not put where everybody reads. Throws UserError "hub-repo-public". */
export function requirePrivacy({ repo, found }: UploadTarget, isPrivate: boolean): void {
  if (!isPrivate || found === null || found.isPrivate) return;
  throw new UserError({
    code: 'hub-repo-public',
    message: `${repo} is on the Hugging Face Hub already and is public, and this upload was to be private.`,
    fix: 'Upload it as public, or give another name.',
    commandLine: 'Upload it as public (--public), or give another name.',
  });
}

async function makeRepo(access: HubAccess, repo: string, isPrivate: boolean): Promise<{ isPrivate: boolean }> {
  try {
    const visibility = isPrivate ? 'private' : 'public';
    await createRepo({ repo, visibility, hubUrl: access.url, fetch: access.fetch, ...tokenOfFetch });
    return { isPrivate };
  } catch (error) {
    if (!(error instanceof HubRefusal) || error.status !== 409) throw error;
    // Somebody was faster, or it is one that this token may not see.
    const found = await findRepo(access, repo);
    if (found !== null && (found.isPrivate || !isPrivate)) return found;
    throw new UserError(
      {
        code: 'hub-name-taken',
        message: `The name ${repo} is taken on the Hugging Face Hub: ${error.message}`,
        fix: 'Give another name.',
      },
      { cause: error },
    );
  }
}

type Sending = UploadOrder & { repo: string };

async function sendFiles(
  access: HubAccess,
  { folder, repo, message, main }: Sending,
  { signal, onProgress, patience }: UploadHooks,
): Promise<CommitOutput> {
  const files = await publicFiles(folder, main);
  const names = new Set(files.map(({ path }) => path));
  const stale = (await namesIn(access, repo)).filter((name) => main.test(name) && !names.has(name));
  const progress = new UploadProgress(files, onProgress);
  const steps = commitIter({
    repo,
    title: message,
    operations: [
      ...files.map(({ path, content }) => ({ operation: 'addOrUpdate' as const, path, content })),
      ...stale.map((path) => ({ operation: 'delete' as const, path })),
    ],
    hubUrl: access.url,
    fetch: uploadFetch(access, patience),
    abortSignal: signal,
    // The older of its two protocols: it can be cancelled, and knows by a file's hash that it has arrived.
    useXet: false,
  });
  for (;;) {
    const step = await steps.next();
    if (step.done !== true) progress.hear(step.value);
    else if (step.value !== undefined) return step.value;
    else throw new Error('a commit to a model repository came back without its name');
  }
}

async function namesIn(access: HubAccess, repo: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { type, path } of listFiles({ repo, hubUrl: access.url, fetch: access.fetch }))
    if (type === 'file') names.push(path);
  return names;
}

/** The library's shares of single files as bytes of all. */
class UploadProgress {
  readonly #sizes: Map<string, number>;
  readonly #total: number;
  readonly #onProgress: UploadHooks['onProgress'];
  #shares = new Map<string, number>();
  #state = '';

  constructor(files: readonly { path: string; content: Blob }[], onProgress: UploadHooks['onProgress']) {
    this.#sizes = new Map(files.map(({ path, content }) => [path, content.size]));
    this.#total = files.reduce((sum, { content }) => sum + content.size, 0);
    this.#onProgress = onProgress;
  }

  hear(event: CommitProgressEvent): void {
    if (event.event === 'phase') {
      if (event.phase === 'committing') this.#tell('Committing', this.#total);
      return;
    }
    if (event.state !== this.#state) this.#shares.clear();
    this.#state = event.state;
    this.#shares.set(event.path, event.progress);
    const done = [...this.#shares].reduce((sum, [path, share]) => sum + share * (this.#sizes.get(path) ?? 0), 0);
    this.#tell(event.state === 'hashing' ? 'Hashing' : 'Uploading', Math.round(done));
  }

  #tell(phase: string, done: number): void {
    this.#onProgress({ phase, done, total: this.#total });
  }
}
