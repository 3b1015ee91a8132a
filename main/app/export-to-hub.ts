// Exports a run to a model repository of the Hugging Face Hub: checked before anything is written, written into a
// folder by one errand, uploaded by another, and noted in the history with the repository's address.
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import type { CommandOutput } from '../../preload/contract.ts';
import { readAdapterConfig } from '../checkpoints/adapter-config.ts';
import { looksLikeHubId } from '../checkpoints/hub-cache.ts';
import { exportTarget } from '../export/registry.ts';
import { hubAccount, requireWrite } from '../hub/account.ts';
import { requirePrivacy, type Uploaded } from '../hub/upload.ts';
import { uploadTarget } from '../hub/upload-target.ts';
import { UserError } from '../errors.ts';
import type { App } from './app.ts';
import type { ErrandHooks } from './errand.ts';
import { exportByErrand } from './export-for-window.ts';
import { type ExportChoice, type Exported, type ExportRequest, noteExport } from './export-run.ts';

export type HubExportRequest = ExportChoice & {
  /** "ada/otter", or "otter" for the token's own account. */
  repo: string;
  isPrivate: boolean;
  /** Default: says what it is. */
  message?: string | undefined;
  /** Keeps the folder that is uploaded; without it a folder of the cache is made, and removed again. */
  kept?: Pick<ExportRequest, 'outputDir' | 'overwrite' | 'words'> | undefined;
};

export type HubExported = Exported & Uploaded;

/** Whose token it is, and why that is not known where another token would help. Throws as hubAccount does. */
export async function hubAccountOf(app: App): Promise<CommandOutput<'hub.account'>> {
  const access = await app.hub.access();
  try {
    return { url: access.url, account: await hubAccount(access), problem: null };
  } catch (error) {
    if (!(error instanceof UserError) || !tokenProblems.has(error.code)) throw error;
    return { url: access.url, account: null, problem: error.toDetails() };
  }
}

const tokenProblems: ReadonlySet<string> = new Set(['hub-token-missing', 'hub-token-refused']);

/** What the name means, and whether the repository is there. Throws as uploadTarget and requireWrite do. */
export async function planUpload(app: App, typed: string): Promise<CommandOutput<'hub.uploadTarget'>> {
  const access = await app.hub.access();
  const account = await hubAccount(access);
  requireWrite(access, account);
  return uploadTarget(access, account, typed);
}

/**
 * Throws as exportRun and uploadFolder do, and the signal's reason where it was cancelled: the repository then holds what
 * it held before, and may be new and empty.
 */
export async function exportToHub(app: App, request: HubExportRequest, hooks: ErrandHooks): Promise<HubExported> {
  const { repo: typed, isPrivate, message, kept, ...choice } = request;
  const target = exportTarget(choice.format);
  const destination = await planUpload(app, typed);
  requirePrivacy(destination, isPrivate);
  const folder = kept === undefined ? temporaryFolder(app) : resolve(kept.outputDir);
  try {
    const words = kept?.words;
    const exported = await exportByErrand(
      app,
      {
        ...choice,
        ...(words && { words }),
        outputDir: folder,
        overwrite: kept?.overwrite ?? true,
        hubId: destination.repo,
      },
      hooks,
    );
    if (kept !== undefined) noteExport(app, exported);
    const token = await app.secrets.read('HF_TOKEN');
    const uploaded = await app.launchErrand(
      'upload',
      {
        token: token?.trim() ?? '',
        folder,
        repo: destination.repo,
        isPrivate,
        message: message?.trim() || `Upload ${exported.run} at step ${exported.step} (${target.name})`,
        main: target.files,
      },
      hooks,
    );
    noteExport(app, { ...exported, outputDir: uploaded.url, warnings: kept === undefined ? exported.warnings : [] });
    return { ...exported, ...uploaded, warnings: [...exported.warnings, ...unnamedBase(folder)] };
  } finally {
    if (kept === undefined) rmSync(folder, { recursive: true, force: true });
  }
}

/** What others are not told of an adapter's base model: publicFiles takes paths out. */
function unnamedBase(folder: string): string[] {
  const file = join(folder, 'adapter_config.json');
  if (!existsSync(file)) return [];
  const { base_model_name_or_path: base } = readAdapterConfig(file);
  if (base === null || looksLikeHubId(base)) return [];
  return [
    `The base model is a folder of this machine (${basename(base)}), and no path was uploaded: tell those who are to use the adapter which model it belongs to.`,
  ];
}

function temporaryFolder(app: App): string {
  const parent = join(app.home.cache, 'uploads');
  mkdirSync(parent, { recursive: true });
  return mkdtempSync(join(parent, 'export-'));
}
