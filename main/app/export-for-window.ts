// An export that a window asked for: written by an errand, noted in the history by this process, and cleared away where
// it was cancelled.
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { isPartial } from '../checkpoints/atomic.ts';
import { exportTarget } from '../export/registry.ts';
import type { App } from './app.ts';
import type { ErrandHooks } from './errand.ts';
import { type Exported, type ExportRequest, noteExport } from './export-run.ts';
import { findRun } from './find-run.ts';
import { checkOutputFolder } from './output-folder.ts';
import { findAdapter } from './run-adapter.ts';

const words = { folder: 'the export', overwrite: 'switch on Replace' };

/** Throws as exportRun does, and the signal's reason where it was cancelled; nothing was written then. */
export async function exportForWindow(app: App, asked: ExportRequest, hooks: ErrandHooks): Promise<Exported> {
  const exported = await exportByErrand(app, { ...asked, words }, hooks);
  noteExport(app, exported);
  return exported;
}

/** The same without the note. */
export async function exportByErrand(app: App, request: ExportRequest, hooks: ErrandHooks): Promise<Exported> {
  const { outputDir, checkpoint, overwrite, format } = request;
  // Here, too: it brings the history in line with the disk, which the errand must not do, and refuses without a wait.
  findAdapter(app, findRun(app, request.run), checkpoint, (which) => which);
  checkOutputFolder(outputDir, overwrite, request.words, exportTarget(format).files);
  const before = partialsOf(outputDir);
  try {
    return await app.launchErrand('export', request, hooks);
  } catch (error) {
    // A process that was killed cleared nothing away.
    for (const path of partialsOf(outputDir))
      if (!before.includes(path)) rmSync(path, { recursive: true, force: true });
    throw error;
  }
}

/** What unfinished writes of this folder have left, see writeLargeFolderAtomically. */
function partialsOf(folder: string): string[] {
  const [parent, begin] = existsSync(folder) ? [folder, '.files.'] : [dirname(folder), `.${basename(folder)}.`];
  if (!existsSync(parent)) return [];
  return readdirSync(parent)
    .filter((name) => isPartial(name) && name.startsWith(begin))
    .map((name) => join(parent, name));
}
