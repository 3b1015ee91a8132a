// The downloads of this program: each can be paused, goes on after a restart as a paused one, and is told to every window.
import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { AppEvent, Download } from '../../preload/contract.ts';
import { errorDetails } from '../../preload/contract.ts';
import { writeFileAtomically } from '../checkpoints/atomic.ts';
import { messageOf, UserError } from '../errors.ts';
import type { HubAccess } from '../hub/access.ts';
import { snapshotFolder } from '../hub/cache.ts';
import { bytesCached, bytesOf, download, isCached, pathsOf, type DownloadPlan } from '../hub/download.ts';
import type { Patience } from '../hub/fetch-file.ts';
import type { Home } from './home.ts';
import { Speed } from './speed.ts';

export type Downloads = {
  list(): Download[];
  /** Goes on with the same one where there is one. */
  start(plan: DownloadPlan): Download;
  /** These throw UserError "download-not-found". */
  pause(id: string): void;
  resume(id: string): void;
  cancel(id: string): void;
  /** Ends all transfers; they are found paused when the program starts again. */
  close(): void;
};

const plan = z.object({
  repo: z.object({ kind: z.enum(['model', 'dataset']), id: z.string() }),
  revision: z.string(),
  commit: z.string(),
  files: z.array(
    z.object({
      path: z.string(),
      url: z.string(),
      size: z.number(),
      hash: z.object({ kind: z.enum(['sha256', 'git-sha1']), hex: z.string() }),
      blob: z.string(),
    }),
  ),
});

const kept = z.array(z.object({ id: z.string(), plan, error: errorDetails.nullable() }));

type Item = {
  id: string;
  plan: DownloadPlan;
  state: Download['state'];
  bytesDone: number;
  error: Download['error'];
  speed: Speed;
  abort: AbortController;
};

type Surroundings = {
  home: Pick<Home, 'folder'>;
  cache: string;
  access: () => Promise<HubAccess>;
  tell: (event: AppEvent) => void;
  patience?: Patience;
};

const TELL_EVERY_MS = 250;

export function openDownloads({ home, cache, access, tell, patience }: Surroundings): Downloads {
  const file = join(home.folder, 'downloads.json');
  let read: Map<string, Item> | undefined;
  let telling: NodeJS.Timeout | undefined;
  /** Repository -> the end of the transfer that touched it last: no two may write the same partial file. */
  const ends = new Map<string, Promise<void>>();

  /** Read when first needed: most processes that open a home download nothing. */
  const items = (): Map<string, Item> => (read ??= new Map(readKept(file).map((item) => [item.id, item])));

  function readKept(path: string): Item[] {
    if (!existsSync(path)) return [];
    try {
      return kept.parse(JSON.parse(readFileSync(path, 'utf8'))).map(({ id, plan, error }) => ({
        ...newItem(plan, id),
        state: error === null ? 'paused' : 'failed',
        bytesDone: bytesCached(cache, plan),
        error,
      }));
    } catch (error) {
      console.error(
        `The downloads in ${path} cannot be read and are forgotten; what came of them is in the cache.`,
        error,
      );
      return [];
    }
  }

  function keep(): void {
    const open = [...items().values()].filter(({ state }) => state !== 'finished');
    const text = JSON.stringify(open.map(({ id, plan, error }) => ({ id, plan, error })));
    writeFileAtomically(file, (write) => write(Buffer.from(text)));
  }

  function tellAll(): void {
    clearTimeout(telling);
    telling = undefined;
    tell({ type: 'downloads-changed', downloads: list() });
  }

  const tellSoon = (): void => {
    telling ??= setTimeout(tellAll, TELL_EVERY_MS);
  };

  const list = (): Download[] => [...items().values()].map((item) => described(cache, item));

  function changed(item: Item, state: Item['state'], error: Item['error'] = null): void {
    item.state = state;
    item.error = error;
    keep();
    tellAll();
  }

  function run(item: Item): void {
    const abort = new AbortController();
    item.abort = abort;
    item.speed = new Speed();
    changed(item, 'running');
    const { kind, id } = item.plan.repo;
    const before = ends.get(`${kind} ${id}`);
    const transfer = async (): Promise<void> => {
      try {
        await before;
        abort.signal.throwIfAborted();
        await download(await access(), cache, item.plan, {
          signal: abort.signal,
          patience,
          onBytes(done) {
            item.bytesDone = done;
            item.speed.add(done);
            tellSoon();
          },
        });
        if (!abort.signal.aborted) changed(item, 'finished');
      } catch (error) {
        if (abort.signal.aborted) return;
        if (!(error instanceof UserError)) console.error(error);
        changed(item, 'failed', error instanceof UserError ? error.toWindow() : mistake(id, error));
      }
    };
    ends.set(`${kind} ${id}`, transfer());
  }

  function found(id: string): Item {
    const item = items().get(id);
    if (item) return item;
    throw new UserError({
      code: 'download-not-found',
      message: 'This download is not there any more.',
      fix: 'Start it again from the search.',
    });
  }

  function pause(item: Item): void {
    item.abort.abort();
    if (item.state === 'running') changed(item, 'paused');
  }

  return {
    list,
    start(plan) {
      const same = [...items().values()].find((item) => isSame(item.plan, plan));
      const item = same ?? newItem(plan, randomUUID());
      items().set(item.id, item);
      if (isCached(cache, plan)) {
        item.bytesDone = bytesOf(plan);
        changed(item, 'finished');
      } else if (item.state !== 'running') run(item);
      return described(cache, item);
    },
    pause: (id) => pause(found(id)),
    resume(id) {
      const item = found(id);
      if (item.state === 'paused' || item.state === 'failed') run(item);
    },
    cancel(id) {
      found(id).abort.abort();
      items().delete(id);
      keep();
      tellAll();
    },
    close() {
      clearTimeout(telling);
      for (const item of read?.values() ?? []) item.abort.abort();
    },
  };
}

function newItem(plan: DownloadPlan, id: string): Item {
  const abort = new AbortController();
  return { id, plan, state: 'paused', bytesDone: 0, error: null, speed: new Speed(), abort };
}

function isSame(a: DownloadPlan, b: DownloadPlan): boolean {
  const identity = ({ repo, commit, files }: DownloadPlan): string =>
    JSON.stringify([repo.kind, repo.id, commit, files.map(({ path }) => path)]);
  return identity(a) === identity(b);
}

function described(cache: string, { id, plan, state, bytesDone, error, speed }: Item): Download {
  const bytesTotal = bytesOf(plan);
  const bytesPerSecond = state === 'running' ? speed.perSecond() : null;
  return {
    id,
    kind: plan.repo.kind,
    repo: plan.repo.id,
    revision: plan.revision,
    state,
    bytesDone,
    bytesTotal,
    bytesPerSecond,
    remainingMs: bytesPerSecond ? ((bytesTotal - bytesDone) / bytesPerSecond) * 1000 : null,
    error,
    folder: snapshotFolder(cache, plan.repo, plan.commit),
    files: state === 'finished' ? pathsOf(cache, plan) : [],
    paths: plan.files.map(({ path }) => path),
  };
}

function mistake(repo: string, error: unknown): Download['error'] {
  return {
    code: 'internal',
    message: `Lorelei made a mistake while downloading ${repo}: ${messageOf(error)}`,
    fix: 'Resume it; what came so far is kept. If it happens again, report it.',
  };
}
