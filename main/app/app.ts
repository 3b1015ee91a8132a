// What every action of the app works on: the home folder, the history, what the host can do for it.
import { join } from 'node:path';
import type { AppEvent, CommandInput, HostKind } from '../../preload/contract.ts';
import { cudaEnvironment } from '../cuda/environment.ts';
import { memoryKills } from '../engine/runtime/memory-kills.ts';
import { hubTokenFile } from '../hub/token-file.ts';
import { openHistory, type History } from '../store/history.ts';
import type { StoredRun } from '../store/runs.ts';
import type { Errands, LaunchErrand } from './errand.ts';
import type { ErrandName } from './errands.ts';
import { FileGrants } from './file-grants.ts';
import { findGpuReader, type FindGpuReader } from './gpu-readers.ts';
import type { GpuWatch } from './gpu-watch.ts';
import { homeFolder, openHome, type Home } from './home.ts';
import type { LaunchJob } from './job.ts';
import { openHub, type Hub } from './hub.ts';
import { resourcePath } from './resources.ts';
import { systemKeychain } from './secrets/keychain.ts';
import type { SecretStore } from './secrets/secret-store.ts';
import { openSecrets, type Secrets } from './secrets/secrets.ts';
import { openSettings, type SettingsFile } from './settings-file.ts';

/** What differs between the doors to the house. Without errands no window is shown: a command line does them itself. */
export type HostAbilities = Partial<Errands> & {
  launchJob: LaunchJob;
  kind?: HostKind;
  /** Absent: as the system counts. */
  memoryKills?: () => number | undefined;
  /** Absent: the system's keychain. */
  secretStore?: SecretStore;
  /** The system's dialog for files; absent where the page is shown on another machine. No paths where it was cancelled. */
  chooseFiles?: (request: CommandInput<'files.choose'>) => Promise<string[]>;
  /**
   * Asks the person, outside of the page, whether a window may use these paths. Absent where there is nothing but the
   * page: its own picker is then the person's word.
   */
  confirmFiles?: (paths: readonly string[]) => Promise<boolean>;
  /** Absent where the page is in a browser already. */
  openInBrowser?: (url: string) => Promise<void>;
  /** Absent: the drivers of this machine. */
  findGpuReader?: FindGpuReader;
};

export type App = Pick<HostAbilities, 'chooseFiles' | 'confirmFiles' | 'openInBrowser'> & {
  home: Home;
  history: History;
  launchJob: LaunchJob;
  /** Processes that the system has ended for want of memory; undefined where it does not tell. */
  memoryKills: () => number | undefined;
  launchErrand: LaunchErrand;
  /** False under a host that has no other processes for them. */
  canLaunchErrands: boolean;
  coolErrands: () => void;
  findGpuReader: FindGpuReader;
  /** Of the runs that this program follows on a GPU. */
  gpuWatches: Map<string, GpuWatch>;
  /** Errands that this program has under way. */
  errands: Set<{ name: ErrandName }>;
  hostKind: HostKind;
  secrets: Secrets;
  settings: SettingsFile;
  hub: Hub;
  /** What windows may read and write. */
  grants: FileGrants;
  /** Calls of windows that can be cancelled, by the name that the window gave them. */
  calls: Map<string, AbortController>;
  /** Tells every window. */
  tell: (event: AppEvent) => void;
  /** Hears what windows are told; the returned function ends it. */
  listen: (listener: (event: AppEvent) => void) => () => void;
};

/**
 * Opens the home folder and its history; close with `app.history.close()`. Throws UserError where the home cannot be
 * written or the history cannot be read.
 */
export function openApp(host: HostAbilities, folder: string = homeFolder(process.env)): App {
  const home = openHome(folder);
  const errands: App['errands'] = new Set();
  const launchErrand: LaunchErrand = (name, input, hooks) => {
    const errand = { name };
    errands.add(errand);
    return (host.launchErrand ?? noErrands)(name, input, hooks).finally(() => errands.delete(errand));
  };
  const coolErrands = (): void => host.coolErrands?.();
  const secrets = openSecrets(process.env, host.secretStore ?? systemKeychain(launchErrand, process.env), {
    tokenFile: hubTokenFile(process.env),
  });
  const listeners = new Set<(event: AppEvent) => void>();
  const tell = (event: AppEvent): void => listeners.forEach((listener) => listener(event));
  const history = openHistory(home.history, resourcePath('migrations'));
  const hub = openHub({ home, secrets, tell });
  return {
    home,
    history,
    launchJob: (job, hooks) => {
      // A run needs the memory more than a model that waits for questions.
      coolErrands();
      // Of a run on the processor nothing hangs on the GPU's software.
      const environment = (job.device?.name ?? job.recipe.device) === 'cpu' ? {} : cudaEnvironment(home.folder);
      return host.launchJob(job, { ...hooks, environment });
    },
    memoryKills: host.memoryKills ?? memoryKills,
    launchErrand,
    canLaunchErrands: host.launchErrand !== undefined,
    coolErrands,
    findGpuReader: host.findGpuReader ?? findGpuReader,
    gpuWatches: new Map(),
    errands,
    secrets,
    settings: openSettings(home),
    hub,
    grants: new FileGrants({
      file: home.grantedPaths,
      open: [home.folder, hub.cache, resourcePath('starter-model'), resourcePath('sample-data')],
      closed: [
        ...[home.secrets, home.windowProfile, home.grantedPaths, home.settings],
        ...['', '-wal', '-shm'].map((end) => home.history + end),
      ],
      usedByRuns: { version: () => history.runs.pathsVersion(), paths: () => history.runs.paths() },
    }),
    hostKind: host.kind ?? 'browser',
    calls: new Map(),
    ...(host.chooseFiles && { chooseFiles: host.chooseFiles }),
    ...(host.confirmFiles && { confirmFiles: host.confirmFiles }),
    ...(host.openInBrowser && { openInBrowser: host.openInBrowser }),
    tell,
    listen(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

const noErrands: LaunchErrand = () => Promise.reject(new Error('this host launches no errands'));

/** The folder of a run: recipe.yaml, checkpoints, job.log and, unless the recipe says otherwise, the adapter. */
export function runFolder(app: App, run: Pick<StoredRun, 'id'>): string {
  return join(app.home.runs, run.id);
}
