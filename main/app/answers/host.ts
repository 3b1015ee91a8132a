// Answers about the program itself.
import type { hostCommands } from '../../../preload/contract.ts';
import { openExternal } from '../external-links.ts';
import { productVersion } from '../resources.ts';
import type { Answers } from './answers.ts';

export const hostAnswers: Answers<keyof typeof hostCommands> = {
  'host.describe': ({ hostKind, home }) => ({
    kind: hostKind,
    version: productVersion(),
    platform: process.platform,
    home: home.folder,
  }),
  'host.openExternal': async (app, { url }) => {
    await openExternal(app, url);
    return {};
  },
  'task.cancel': ({ calls }, { task }) => {
    const call = calls.get(task);
    call?.abort();
    return { wasRunning: call !== undefined };
  },
};
