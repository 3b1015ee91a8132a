// Answers about CUDA support.
import type { cudaCommands } from '../../../preload/contract.ts';
import {
  cancelCudaInstall,
  cudaInstalling,
  describeCuda,
  installCuda,
  pauseCudaInstall,
  removeCuda,
} from '../cuda-support.ts';
import { placeTyped } from '../granted-recipe.ts';
import type { Answers } from './answers.ts';

export const cudaAnswers: Answers<keyof typeof cudaCommands> = {
  'cuda.describe': ({ home }) => describeCuda(home),
  'cuda.installing': (app) => cudaInstalling(app),
  'cuda.install'(app, { file }) {
    const path = file === undefined ? undefined : placeTyped(file);
    if (path !== undefined) app.grants.require([path]);
    installCuda(app, path);
    return {};
  },
  'cuda.pause'(app) {
    pauseCudaInstall(app);
    return {};
  },
  'cuda.cancel'(app) {
    cancelCudaInstall(app);
    return {};
  },
  'cuda.remove': (app) => ({ removed: removeCuda(app) }),
};
