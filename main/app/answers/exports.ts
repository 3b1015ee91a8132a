// Answers about exports.
import type { exportCommands } from '../../../preload/contract.ts';
import { exportForWindow } from '../export-for-window.ts';
import { exportFolder, planExport } from '../export-plan.ts';
import type { App } from '../app.ts';
import { exportToHub } from '../export-to-hub.ts';
import type { Answers } from './answers.ts';

export const exportAnswers: Answers<keyof typeof exportCommands> = {
  'export.plan'(app, asked) {
    requireFolder(app, asked.folder);
    return planExport(app, asked);
  },
  async 'export.start'(app, asked, { tell, signal }) {
    const { id, folder, ...rest } = asked;
    requireFolder(app, folder);
    const request = { ...rest, run: id, outputDir: exportFolder(folder) ?? planExport(app, asked).folder };
    const { step, outputDir, warnings } = await exportForWindow(app, request, { onProgress: tell, signal });
    return { step, folder: outputDir, warnings };
  },
  async 'export.push'(app, { id, ...asked }, { tell, signal }) {
    const done = await exportToHub(app, { ...asked, run: id }, { onProgress: tell, signal });
    const { step, repo, url, isNew, isPrivate, warnings } = done;
    return { step, repo, url, isNew, isPrivate, warnings };
  },
};

function requireFolder(app: App, typed: string): void {
  const folder = exportFolder(typed);
  if (folder !== undefined) app.grants.require([folder]);
}
