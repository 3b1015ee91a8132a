// Which GPUs the queue may hand out to runs, and what `device: auto` comes to: from what is known of the machine, which
// is looked at anew from time to time, for whoever asks every second must not start the driver's tool every second.
import { findInstallation } from '../cuda/installation.ts';
import { listedDevices } from '../devices/listed-devices.ts';
import { lookAtMachine, type Machine } from '../devices/machine.ts';
import { UserError } from '../errors.ts';
import type { App } from './app.ts';
import { decideDevice } from './device-choice.ts';
import { knownProbes } from './device-probes.ts';
import type { Places } from './turns.ts';

const FRESH_MS = 30_000;

type Known = { machine: Machine | undefined; at: number; isLooking: boolean };
const known = new WeakMap<App, Known>();

/** Undefined while that is being found out; `onKnown` is called then. */
export function placesOf(app: App, onKnown: () => void): Places | undefined {
  if (!hasCuda(app)) return { gpus: [], auto: 'cpu' };
  const machine = machineOf(app, onKnown);
  if (machine === undefined) return undefined;
  const devices = listedDevices(machine);
  const probes = knownProbes(app, machine);
  const gpus = devices
    .filter(({ name, hindrance }) => name.startsWith('cuda') && hindrance === null)
    .map(({ name }) => name)
    .filter((name) => (probes.get(name)?.outcome ?? 'conforms') === 'conforms');
  const decision = decideDevice(devices, probes);
  return {
    gpus: usesAllGpus(app) ? gpus : gpus.slice(0, 1),
    auto: 'untried' in decision ? decision.untried.name : decision.device,
  };
}

function machineOf(app: App, onKnown: () => void): Machine | undefined {
  const last = known.get(app) ?? { machine: undefined, at: -Infinity, isLooking: false };
  known.set(app, last);
  if (last.isLooking || performance.now() - last.at < FRESH_MS) return last.machine;
  last.isLooking = true;
  void lookAtMachine(app.home.folder)
    .then((machine) => (last.machine = machine))
    .catch((error: unknown) => console.error('This machine could not be looked at:', error))
    .finally(() => {
      last.at = performance.now();
      last.isLooking = false;
      onKnown();
    });
  return last.machine;
}

/** Without it, no GPU has a number. */
function hasCuda({ home }: App): boolean {
  try {
    return findInstallation(home.folder) !== undefined;
  } catch (error) {
    if (error instanceof UserError) return false; // damaged; runs that name it are told
    throw error;
  }
}

function usesAllGpus({ settings }: App): boolean {
  try {
    return settings.read().useAllGpus;
  } catch (error) {
    if (error instanceof UserError) return true;
    throw error;
  }
}
