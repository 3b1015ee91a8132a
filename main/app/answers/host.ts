// Answers about the program itself.
import type { hostCommands } from '../../../preload/contract.ts';
import { productVersion } from '../resources.ts';
import type { Answers } from './answers.ts';

export const hostAnswers: Answers<keyof typeof hostCommands> = {
  'host.describe': ({ hostKind, home }) => ({
    kind: hostKind,
    version: productVersion(),
    platform: process.platform,
    home: home.folder,
  }),
  'task.cancel': ({ calls }, { task }) => {
    const call = calls.get(task);
    call?.abort();
    return { wasRunning: call !== undefined };
  },
};
