// Keeps the draft of the next run in the home folder.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { draft, type draftCommands } from '../../../preload/contract.ts';
import { writeFileAtomically } from '../../checkpoints/atomic.ts';
import type { App } from '../app.ts';
import { tourOfLorelei } from '../quickstart.ts';
import type { Answers } from './answers.ts';

const fileOf = (app: App): string => join(app.home.folder, 'draft.json');

export const draftAnswers: Answers<keyof typeof draftCommands> = {
  'draft.load'(app) {
    const file = fileOf(app);
    if (!existsSync(file)) return null;
    try {
      return draft.parse(JSON.parse(readFileSync(file, 'utf8')));
    } catch (error) {
      console.error(`The draft in ${file} cannot be read and is left alone.`, error);
      return null;
    }
  },
  'draft.tour': () => tourOfLorelei(),
  'draft.save'(app, input) {
    writeFileAtomically(fileOf(app), (write) => write(Buffer.from(JSON.stringify(input))));
    return {};
  },
};
