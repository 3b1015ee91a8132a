// Answers to a window that looks for a file or a folder, and wants to use it.
import type { fileCommands } from '../../../preload/contract.ts';
import { UserError } from '../../errors.ts';
import { browseFolder } from '../browse-folder.ts';
import { notGranted } from '../file-grants.ts';
import { placeTyped } from '../granted-recipe.ts';
import type { Answers } from './answers.ts';

export const fileAnswers: Answers<keyof typeof fileCommands> = {
  async 'files.choose'({ chooseFiles, grants }, request) {
    const paths = (await chooseFiles?.(request)) ?? null;
    if (paths) grants.grant(paths);
    return { paths };
  },
  'files.browse'({ chooseFiles }, { folder }) {
    if (chooseFiles === undefined) return browseFolder(folder);
    throw new UserError({
      code: 'browse-not-here',
      message: 'This window does not list folders: the system has a dialog for it.',
      fix: 'Use Browse.',
    });
  },
  async 'files.grant'({ confirmFiles, grants }, { paths }) {
    const asked = paths.map(placeTyped).filter((path) => !grants.covers(path));
    if (asked.length > 0 && confirmFiles && !(await confirmFiles(asked))) throw notGranted(asked);
    grants.grant(asked);
    // What belongs to the program itself stays closed.
    grants.require(asked);
    return {};
  },
};
