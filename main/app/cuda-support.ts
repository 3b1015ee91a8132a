// CUDA support as windows and terminals see it: what is there and what is wanting, and its installation, which can be
// paused and goes on after a restart. The work itself is an errand; what has come lies in the home folder.
import type { CudaInstall, CudaReport } from '../../preload/contract.ts';
import { bytesDownloaded, forgetDownload } from '../cuda/install.ts';
import { findInstallation, installationFolder, removeInstallation } from '../cuda/installation.ts';
import { listGpus } from '../cuda/nvidia-smi.ts';
import { cudaProblems, partsHere } from '../cuda/requirements.ts';
import { cudaPackage } from '../engine/runtime/cuda-package.ts';
import { messageOf, UserError } from '../errors.ts';
import type { App } from './app.ts';
import { bytesBelow } from './folder-size.ts';

/** What is installed, what NVIDIA's software is here, and what speaks against CUDA. */
export async function describeCuda({ folder }: Pick<App['home'], 'folder'>): Promise<CudaReport> {
  const offered = cudaPackage();
  const gpus = await listGpus();
  const about = {
    offered:
      offered === undefined
        ? null
        : { name: offered.name, version: offered.version, host: new URL(offered.feedIndex).host },
    gpus,
  };
  try {
    const installation = findInstallation(folder);
    if (installation === undefined) {
      const problems = offered === undefined ? [] : cudaProblems([], gpus);
      return { ...about, installed: null, parts: [], problems };
    }
    const parts = partsHere(installation, folder);
    const { version, source } = installation;
    const bytes = (await bytesBelow(installation.folder)) ?? 0;
    return {
      ...about,
      installed: { version, source, folder: installation.folder, bytes },
      parts: parts.map(({ name, title, path, pip }) => ({ name, title, path, pip })),
      problems: cudaProblems(parts, gpus),
    };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const place = { version: offered?.version ?? '', source: '', folder: installationFolder(folder) ?? '', bytes: 0 };
    return { ...about, installed: place, parts: [], problems: [error.toDetails()] };
  }
}

const idle: CudaInstall = { state: 'idle', phase: '', done: 0, total: null, error: null };

type Installing = { install: CudaInstall; abort: AbortController | undefined };
const installing = new WeakMap<App, Installing>();

function of(app: App): Installing {
  let known = installing.get(app);
  if (known === undefined) {
    const done = bytesDownloaded(app.home.folder);
    known = {
      install: done === 0 ? idle : { ...idle, state: 'paused', phase: 'Downloading', done },
      abort: undefined,
    };
    installing.set(app, known);
  }
  return known;
}

export const cudaInstalling = (app: App): CudaInstall => of(app).install;

function change(app: App, install: CudaInstall): void {
  of(app).install = install;
  app.tell({ type: 'cuda-changed', install });
}

/** Starts or goes on; heard of through events. Does nothing while one is under way. */
export function installCuda(app: App, file?: string): void {
  const known = of(app);
  if (known.abort !== undefined) return;
  const abort = new AbortController();
  known.abort = abort;
  change(app, { ...known.install, state: 'running', phase: 'Starting', error: null });
  const work = app.launchErrand('installCuda', file === undefined ? {} : { file }, {
    signal: abort.signal,
    onProgress: ({ phase, done, total }) => {
      if (!abort.signal.aborted) change(app, { state: 'running', phase, done, total: total ?? null, error: null });
    },
  });
  void work.then(
    () => settle(app, abort, idle),
    (error: unknown) => {
      if (abort.signal.aborted) return;
      if (!(error instanceof UserError)) console.error(error);
      settle(app, abort, { ...known.install, state: 'failed', error: detailsOf(error) });
    },
  );
}

function settle(app: App, abort: AbortController, install: CudaInstall): void {
  const known = of(app);
  if (known.abort !== abort) return;
  known.abort = undefined;
  change(app, install);
}

/** Ends the work; what came stays. */
export function pauseCudaInstall(app: App): void {
  const { abort, install } = of(app);
  if (abort === undefined) return;
  abort.abort();
  const done = bytesDownloaded(app.home.folder);
  settle(app, abort, done === 0 ? idle : { ...install, state: 'paused', phase: 'Downloading', error: null });
}

/** Ends the work and throws away what came. */
export function cancelCudaInstall(app: App): void {
  const { abort } = of(app);
  abort?.abort();
  of(app).abort = undefined;
  forgetDownload(app.home.folder);
  change(app, idle);
}

/** Throws UserError "cuda-in-use" while a run trains. */
export function removeCuda(app: App): boolean {
  if (app.history.runs.underWay().length > 0)
    throw new UserError({
      code: 'cuda-in-use',
      message: 'A run is under way and may be using CUDA support.',
      fix: 'Remove it when nothing trains.',
    });
  app.coolErrands();
  const removed = removeInstallation(app.home.folder);
  app.tell({ type: 'cuda-changed', install: cudaInstalling(app) });
  return removed;
}

function detailsOf(error: unknown): CudaInstall['error'] {
  if (error instanceof UserError) return error.toDetails();
  return {
    code: 'internal',
    message: `Lorelei made a mistake while installing CUDA support: ${messageOf(error)}`,
    fix: 'Go on with it: what came so far is kept. If it happens again, report it.',
  };
}
