// Answers about files that a browser handed over.
import type { uploadCommands } from '../../../preload/contract.ts';
import { listUploads, removeUpload, requireRoom } from '../uploads.ts';
import type { Answers } from './answers.ts';

export const uploadAnswers: Answers<keyof typeof uploadCommands> = {
  'uploads.room'({ home }, { name, bytes }) {
    requireRoom(home, name, bytes);
    return {};
  },
  'uploads.list': ({ home }) => listUploads(home),
  async 'uploads.remove'(app, { name }) {
    await removeUpload(app, name);
    return {};
  },
};
