// Answers to the Settings screen.
import { statSync } from 'node:fs';
import type { CommandOutput, settingsCommands } from '../../../preload/contract.ts';
import type { App } from '../app.ts';
import { writeDiagnostics } from '../diagnostics.ts';
import { clearCache, describeStorage } from '../storage.ts';
import { trackerReports } from '../tracker-reports.ts';
import type { Answers } from './answers.ts';

/** Long enough to type the keychain's password. */
const SECRETS_MS = 60_000;

/** What a machine has does not change while a program runs, and asking starts a process. */
const devices = new WeakMap<App, CommandOutput<'devices.list'>>();

export const settingsAnswers: Answers<keyof typeof settingsCommands> = {
  'settings.load'({ settings }) {
    const current = settings.read();
    return { settings: current, path: settings.path, problem: settings.problem?.toWindow() ?? null };
  },
  'settings.change': ({ settings }, changes) => ({ settings: settings.change(changes) }),
  async 'devices.list'(app, _input, { signal }) {
    const known = devices.get(app) ?? (await app.launchErrand('devices', {}, { onProgress: () => undefined, signal }));
    devices.set(app, known);
    return known;
  },
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
  async 'diagnostics.write'(app, _input, call) {
    const devicesHere = await settingsAnswers['devices.list'](app, {}, call);
    const { path, runs } = await writeDiagnostics(app, devicesHere);
    return { path, runs, bytes: statSync(path).size };
  },
};
