// What this machine can train on, as windows and terminals show it, and the trials that they ask for.
import { availableParallelism } from 'node:os';
import type { DeviceReport, DevicesReport } from '../../preload/contract.ts';
import { listedDevices, type ListedDevice } from '../devices/listed-devices.ts';
import { lookAtMachine, type Machine } from '../devices/machine.ts';
import type { App } from './app.ts';
import { decideDevice, faultOf, isSoftwareOf, speedupOf, times } from './device-choice.ts';
import { knownProbes, probeDevice, type Probe } from './device-probes.ts';

/** Every device that a recipe can name, what its trial has shown, and what `device: auto` comes to. Tries nothing. */
export async function describeDevices(app: Pick<App, 'home'>): Promise<DevicesReport> {
  return reportOf(app, await lookAtMachine(app.home.folder));
}

/** Tries `only`, or all that may be there, whatever is known of them. `tell` hears which is being tried. */
export async function tryDevices(
  app: Pick<App, 'home' | 'launchErrand'>,
  { only, signal, tell }: { only?: string | undefined; signal: AbortSignal; tell: (title: string) => void },
): Promise<DevicesReport> {
  const machine = await lookAtMachine(app.home.folder);
  const tried = listedDevices(machine).filter(({ name, hindrance }) =>
    only === undefined ? name !== 'cpu' && hindrance === null : name === only,
  );
  for (const { name, title } of tried) {
    tell(title);
    await probeDevice(app, machine, name, signal);
  }
  return reportOf(app, machine);
}

function reportOf(app: Pick<App, 'home'>, machine: Machine): DevicesReport {
  const devices = listedDevices(machine);
  const probes = knownProbes(app, machine);
  const decision = decideDevice(devices, probes);
  return {
    devices: devices.map((device) => deviceReport(device, probes.get(device.name))),
    auto:
      'untried' in decision
        ? { device: null, reason: `the first run tries ${decision.untried.title}, which takes up to a minute` }
        : decision,
    processor: machine.processor,
    cores: availableParallelism(),
    memoryBytes: machine.memoryBytes,
  };
}

function deviceReport(device: ListedDevice, probe: Probe | undefined): DeviceReport {
  const { name, title, driver, memoryBytes, hindrance } = device;
  const about = { name, title, driver, memoryBytes };
  const none = { isSoftware: device.isSoftware, speedup: null, triedAt: null, advice: null };
  if (name === 'cpu') return { ...about, ...none, outcome: 'conforms', usable: true, note: 'trains and answers' };
  if (probe === undefined)
    return hindrance === null
      ? { ...about, ...none, outcome: 'untried', usable: false, note: 'not tried yet on this machine as it is now' }
      : { ...about, ...none, outcome: 'absent', usable: false, note: hindrance.reason, advice: hindrance.advice };
  const isSoftware = isSoftwareOf(probe);
  const shown = {
    ...about,
    ...(isSoftware && { title: 'An adapter in software (WebGPU)' }),
    isSoftware,
    speedup: speedupOf(probe),
    triedAt: probe.triedAt,
    outcome: probe.outcome,
  };
  const fault = faultOf(probe);
  if (fault !== undefined) return { ...shown, usable: false, note: fault, advice: hindrance?.advice ?? adviceOn(name) };
  return {
    ...shown,
    usable: true,
    note: goodWords(shown),
    advice: isSoftware ? (hindrance?.advice ?? adviceOn(name)) : null,
  };
}

function goodWords({ isSoftware, speedup }: Pick<DeviceReport, 'isSoftware' | 'speedup'>): string {
  const right = 'loss, gradients and steps are those of the processor';
  if (isSoftware) return `${right}, but it is slower: never taken by itself`;
  if (speedup === null) return right;
  return `${right}, ${times(speedup)} as fast${speedup > 1 ? '' : ': not taken by itself'}`;
}

/** Where it is there and does not do: nearly always the driver. */
function adviceOn(name: string): string {
  if (name === 'coreml') return 'Use webgpu: Core ML lacks operations that training needs.';
  const driver = 'Install the newest driver of the GPU’s maker';
  if (process.platform === 'linux' && name === 'webgpu')
    return `${driver} with its Vulkan part (mesa-vulkan-drivers for AMD and Intel), then try again.`;
  return `${driver}, then try again.`;
}
