// Answers to a window that looks for a file or a folder.
import type { fileCommands } from '../../../preload/contract.ts';
import { browseFolder } from '../browse-folder.ts';
import type { Answers } from './answers.ts';

export const fileAnswers: Answers<keyof typeof fileCommands> = {
  'files.choose': async ({ chooseFiles }, request) => ({ paths: (await chooseFiles?.(request)) ?? null }),
  'files.browse': (_app, { folder }) => browseFolder(folder),
};
