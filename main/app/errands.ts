// The errands, by name. An errand gets an app of its own (it may read the history and must not write into it), an input
// that can be copied between processes, and a way to tell how far it is. A kept one hears when it is given up.
import type { DataDraft } from '../../preload/contract.ts';
import { installFromFeed, installFromFile, type InstallProgress } from '../cuda/install.ts';
import { readWheelPins } from '../cuda/wheels.ts';
import { adapterInUse } from '../devices/adapter-in-use.ts';
import { hubAccess } from '../hub/access.ts';
import { uploadFolder, type UploadOrder } from '../hub/upload.ts';
import { checkConformance, type ConformanceCheck } from '../training/conformance.ts';
import type { App } from './app.ts';
import { answerSideBySide, type SideBySideRequest } from './answer-side-by-side.ts';
import type { ErrandHooks } from './errand.ts';
import { type ExportRequest, writeExport } from './export-run.ts';
import { measureSpeed } from './machine-speed.ts';
import { askKeychain, type KeychainRequest } from './secrets/keychain.ts';
import { lookAtDraft, tokenizeDraft } from './read-dataset.ts';
import { resourcePath } from './resources.ts';
import { previewRun, type PreviewRequest } from './preview.ts';
import { type MemoryQuestion, memoryOfRuns } from './run-memory.ts';

/** The token comes with the order: not every host's keychain can be asked from here. */
type UploadErrand = UploadOrder & { token: string };

type Tell = ErrandHooks['onProgress'];

export const errands = {
  checkDevice: (_app: App, { device, checks }: { device: string; checks: ConformanceCheck[] }) =>
    checkConformance({
      device,
      checks,
      modelPath: resourcePath('starter-model'),
      // CUDA takes no other adapters than NVIDIA's.
      ...(device === 'webgpu' && { adapterInUse: () => adapterInUse() }),
    }),
  installCuda: ({ home }: App, { file }: { file?: string }, tell: Tell, signal: AbortSignal) => {
    const options = {
      home: home.folder,
      pins: readWheelPins(resourcePath('cuda', 'wheels.json')),
      signal,
      onProgress: onceInAWhile((progress: InstallProgress) => tell({ ...progress, unit: 'bytes' })),
    };
    return file === undefined ? installFromFeed(options) : installFromFile(file, options);
  },
  speed: (_app: App, _input: Record<string, never>) => measureSpeed(),
  answerSideBySide: ({ home }: App, input: SideBySideRequest, tell: Tell, signal: AbortSignal) =>
    answerSideBySide(input, { cache: home.cache, tell, signal }),
  export: (app: App, input: ExportRequest, tell: Tell) =>
    writeExport(app, input, { onProgress: (progress) => tell({ phase: 'Writing', unit: 'bytes', ...progress }) }),
  keychain: (_app: App, input: KeychainRequest) => askKeychain(input),
  look: (_app: App, { draft }: { draft: DataDraft }) => lookAtDraft(draft),
  upload: (_app: App, { token, ...order }: UploadErrand, tell: Tell) =>
    // Its parent ends the process where it is cancelled.
    uploadFolder(hubAccess(process.env, token === '' ? undefined : token), order, {
      signal: new AbortController().signal,
      onProgress: (progress) => tell({ ...progress, unit: 'bytes' }),
    }),
  memory: (_app: App, input: MemoryQuestion) => memoryOfRuns(input),
  preview: (app: App, input: Omit<PreviewRequest, 'onProgress' | 'fetchFromHub'>, tell: Tell) =>
    previewRun(app, {
      ...input,
      onProgress: (progress) => tell({ phase: 'Reading and tokenizing', ...progress }),
    }),
  tokenize: (app: App, { draft }: { draft: DataDraft }, tell: Tell) =>
    tokenizeDraft(app, draft, (progress) => tell({ phase: 'Reading and tokenizing', ...progress })),
};

type Errands = typeof errands;
export type ErrandName = keyof Errands;
export type ErrandInput<E extends ErrandName> = Parameters<Errands[E]>[1];
export type ErrandOutput<E extends ErrandName> = Awaited<ReturnType<Errands[E]>>;

const TELL_EVERY_MS = 100;

/** Passes on at most ten a second, and every first one of a phase. */
function onceInAWhile<P extends { phase: string }>(tell: (progress: P) => void): (progress: P) => void {
  let [toldAt, phase] = [0, ''];
  return (progress) => {
    const now = performance.now();
    if (progress.phase === phase && now - toldAt < TELL_EVERY_MS) return;
    [toldAt, phase] = [now, progress.phase];
    tell(progress);
  };
}
