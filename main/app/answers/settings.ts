// Answers to the Settings screen.
import { statSync } from 'node:fs';
import type { settingsCommands } from '../../../preload/contract.ts';
import { describeDevices, tryDevices } from '../devices.ts';
import { writeDiagnostics } from '../diagnostics.ts';
import { clearCache, describeStorage } from '../storage.ts';
import { trackerReports } from '../tracker-reports.ts';
import type { Answers } from './answers.ts';

/** Long enough to type the keychain's password. */
const SECRETS_MS = 60_000;

export const settingsAnswers: Answers<keyof typeof settingsCommands> = {
  'settings.load'({ settings }) {
    const current = settings.read();
    return { settings: current, path: settings.path, problem: settings.problem?.toWindow() ?? null };
  },
  'settings.change': ({ settings }, changes) => ({ settings: settings.change(changes) }),
  'devices.list': (app) => describeDevices(app),
  'devices.try': (app, { device }, { signal, tell }) =>
    tryDevices(app, { only: device, signal, tell: (title) => tell({ phase: `Trying ${title}`, done: 0 }) }),
  'storage.describe': (app) => describeStorage(app),
  'cache.clear': async (app) => ({ freedBytes: await clearCache(app) }),
  async 'secrets.list'({ secrets }, _input, { signal }) {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(SECRETS_MS)]);
    const { secrets: states, problem } = await secrets.list(limit);
    const { place = null, reach = null } = secrets;
    return { secrets: states, place, reach, problem: problem?.toWindow() ?? null };
  },
  async 'secrets.set'({ secrets, hub }, { name, value }) {
    await secrets.set(name, value);
    hub.forgetToken();
    return { place: secrets.place ?? '' };
  },
  async 'secrets.remove'({ secrets, hub }, { name }) {
    const removed = await secrets.remove(name);
    hub.forgetToken();
    return { removed };
  },
  'trackers.list': async (app) => ({ trackers: await trackerReports(app) }),
  async 'diagnostics.write'(app) {
    const { path, runs } = await writeDiagnostics(app, await describeDevices(app));
    return { path, runs, bytes: statSync(path).size };
  },
};
