// Starts the job of a run where it can train. For `device: auto` that is decided first: what was never tried on this
// machine is tried, once. Where the device taken cannot train this model, the run goes on with the next one.
import type { JobRecord } from '../../preload/contract.ts';
import { listedDevices, type ListedDevice } from '../devices/listed-devices.ts';
import { lookAtMachine, type Machine } from '../devices/machine.ts';
import { deviceText, parseDevice } from '../engine/runtime/device-name.ts';
import { UserError } from '../errors.ts';
import type { JobDevice, JobSpec } from '../training/job.ts';
import type { App } from './app.ts';
import { freeGpu } from './busy-devices.ts';
import { decideDevice, faultOf, formatsOf } from './device-choice.ts';
import { knownProbes, type Probe, probeDevice } from './device-probes.ts';
import type { JobExit, JobHandle } from './job.ts';
import { requireGpu } from './require-gpu.ts';

type Place = Pick<App, 'home' | 'launchErrand' | 'canLaunchErrands' | 'launchJob'>;

type Hooks = {
  onRecord: (record: JobRecord) => void;
  log: string;
  /** Called with the id of each process that trains; undefined where it could not be started. */
  onSpawn: (pid: number | undefined) => void;
  /** Devices that other runs train on, with words on that. */
  busy?: () => ReadonlyMap<string, string>;
};

export type DeviceJob = Omit<JobHandle, 'spawned'>;

type Probes = ReturnType<typeof knownProbes>;
type End = Extract<JobRecord, { type: 'end' }>;

/** DirectML and Core ML were never run by whoever made this version: not even by name without a trial. */
const triedFirst: ReadonlySet<string> = new Set(['auto', 'dml', 'coreml']);

export function launchOnDevice(app: Place, job: JobSpec, hooks: Hooks, look = lookAtMachine): DeviceJob {
  const launched = new DeviceLaunch(app, job, hooks);
  const wanted = job.recipe.device;
  // A host that starts no other processes cannot try anything.
  const isDecided = triedFirst.has(wanted) ? !app.canLaunchErrands : parseDevice(wanted).device !== 'cuda';
  const exited = isDecided ? launched.launchNow(job.device) : launched.decideAndLaunch(wanted, look);
  return { stop: () => launched.stop(), kill: () => launched.kill(), exited };
}

class DeviceLaunch {
  readonly #app: Place;
  readonly #job: JobSpec;
  readonly #hooks: Hooks;
  readonly #trying = new AbortController();
  #asked: 'stop' | 'kill' | undefined;
  #handle: JobHandle | undefined;

  constructor(app: Place, job: JobSpec, hooks: Hooks) {
    this.#app = app;
    this.#job = job;
    this.#hooks = hooks;
  }

  stop(): void {
    this.#asked ??= 'stop';
    this.#trying.abort();
    this.#handle?.stop();
  }

  kill(): void {
    this.#asked = 'kill';
    this.#trying.abort();
    this.#handle?.kill();
  }

  #isEnding(): boolean {
    return this.#asked !== undefined;
  }

  launchNow(device?: JobDevice): Promise<JobExit> {
    return this.#launch(device, this.#hooks.onRecord);
  }

  async decideAndLaunch(wanted: string, look: typeof lookAtMachine): Promise<JobExit> {
    const failed = new Map<string, string>();
    for (;;) {
      let device: JobDevice;
      try {
        const machine = await look(this.#app.home.folder);
        device =
          wanted === 'auto'
            ? await this.#decide(machine, failed)
            : parseDevice(wanted).device === 'cuda'
              ? this.#gpuOf(machine, wanted)
              : await this.#require(machine, wanted);
      } catch (error) {
        return this.#endBefore(error);
      }
      if (this.#isEnding()) return this.#endBefore(undefined);
      if (device.name === 'cpu' || wanted !== 'auto') return this.launchNow(device);
      const { exit, end, hasBegun } = await this.#attempt(device);
      const fault = hasBegun || this.#isEnding() ? undefined : faultOfEnd(end, exit);
      if (fault === undefined) {
        if (end !== undefined) this.#hooks.onRecord(end);
        return exit;
      }
      failed.set(device.name, fault);
      this.#hooks.onRecord({
        type: 'event',
        level: 'warning',
        message: `${device.name} could not train this (${fault}): the run starts anew on the next device.`,
      });
    }
  }

  async #decide(machine: Machine, failed: ReadonlyMap<string, string>): Promise<JobDevice> {
    const devices = listedDevices(machine);
    for (;;) {
      const probes = knownProbes(this.#app, machine);
      const busy = this.#busyAmong(devices, { probes, failed });
      const decision = decideDevice(devices, probes, new Map([...busy, ...failed]));
      if (!('untried' in decision))
        return { name: decision.device, reason: decision.reason, ...formatsIn(probes.get(decision.device)) };
      await this.#probe(machine, decision.untried);
    }
  }

  /** The GPUs that others have: not taken while another one is left, nor in place of one that failed. */
  #busyAmong(devices: readonly ListedDevice[], known: { probes: Probes; failed: ReadonlyMap<string, string> }) {
    const gpus = new Map([...(this.#hooks.busy?.() ?? [])].filter(([name]) => name.startsWith('cuda')));
    const isLeft = ({ name, hindrance }: ListedDevice): boolean =>
      name.startsWith('cuda') &&
      hindrance === null &&
      !gpus.has(name) &&
      (known.probes.get(name)?.outcome ?? 'conforms') === 'conforms';
    // A run that starts beside them anyway, from a terminal, shares one.
    return known.failed.size > 0 || devices.some(isLeft) ? gpus : new Map<string, string>();
  }

  /**
   * "cuda" is the first GPU that no other run trains on, else the first. Nothing is tried; but what an earlier trial has
   * shown decides what bf16 and fp16 come to.
   */
  #gpuOf(machine: Machine, wanted: string): JobDevice {
    requireGpu(machine, wanted);
    const device = this.#job.device ?? this.#named(machine, wanted);
    return { ...device, ...formatsIn(knownProbes(this.#app, machine).get(device.name)) };
  }

  #named(machine: Machine, wanted: string): JobDevice {
    if (wanted !== 'cuda') return { name: wanted, reason: 'the recipe asks for it' };
    const busy = this.#hooks.busy?.() ?? new Map<string, string>();
    const names = machine.gpus.map(({ device }) => device);
    const free = names.find((name) => !busy.has(name));
    return free === undefined ? { name: names[0] ?? 'cuda:0', reason: 'the recipe asks for CUDA' } : freeGpu(free);
  }

  async #require(machine: Machine, wanted: string): Promise<JobDevice> {
    const device = listedDevices(machine).find(({ name }) => name === wanted);
    if (device !== undefined && !knownProbes(this.#app, machine).has(wanted)) await this.#probe(machine, device);
    const probe = knownProbes(this.#app, machine).get(wanted);
    if (probe?.outcome === 'conforms') return { name: wanted, reason: 'the recipe asks for it', ...formatsIn(probe) };
    const why = probe === undefined ? 'it is not on this system' : faultOf(probe);
    throw new UserError({
      code: 'device-unavailable',
      message: `device: "${wanted}" cannot be used: ${why ?? 'its trial failed'}.`,
      fix: 'Use device: auto.',
      commandLine: 'Use device: auto. lorelei devices --probe tries what is there.',
    });
  }

  async #probe(machine: Machine, { name, title }: { name: string; title: string }): Promise<void> {
    this.#hooks.onRecord({ type: 'progress', phase: `Trying ${title} for the first time`, done: 0 });
    await probeDevice(this.#app, machine, name, this.#trying.signal);
  }

  /** Its end is kept back, for the run may go on. */
  async #attempt(device: JobDevice): Promise<{ exit: JobExit; end: End | undefined; hasBegun: boolean }> {
    let end: End | undefined;
    let hasBegun = false;
    const exit = await this.#launch(device, (record) => {
      if (record.type === 'end') {
        end = record;
        return;
      }
      hasBegun ||= results.has(record.type);
      this.#hooks.onRecord(record);
    });
    return { exit, end, hasBegun };
  }

  #launch(device: JobDevice | undefined, onRecord: Hooks['onRecord']): Promise<JobExit> {
    const job = device === undefined ? this.#job : { ...this.#job, device };
    const name = device?.name ?? job.recipe.device;
    this.#handle = this.#app.launchJob(job, { onRecord, log: this.#hooks.log });
    void this.#handle.spawned.then((pid) => {
      this.#hooks.onSpawn(pid);
      // Its process tells as well, but only once the model is open and the rows are read.
      if (name !== 'auto') onRecord({ type: 'device', device: deviceText(parseDevice(name)) });
    });
    return this.#handle.exited;
  }

  /** Ends a run that has no process yet. */
  #endBefore(error: unknown): JobExit {
    if (this.#asked === 'kill') return { code: null, signal: 'SIGKILL' };
    const { outputDir } = this.#job;
    if (this.#asked === 'stop') this.#hooks.onRecord({ type: 'end', status: 'stopped', outputDir, metrics: {} });
    else if (error instanceof UserError)
      this.#hooks.onRecord({ type: 'end', status: 'failed', outputDir, metrics: {}, error: error.toDetails() });
    else throw error;
    return { code: 0, signal: null };
  }
}

/** After one of these, another device would train it twice. */
const results: ReadonlySet<JobRecord['type']> = new Set(['step', 'evaluation', 'sample', 'checkpoint']);

/** What a device can be at fault for; undefined where the run ended as it should, or for another reason. */
function faultOfEnd(end: End | undefined, { code, signal }: JobExit): string | undefined {
  if (end === undefined) return `its process ended with ${signal ?? `exit code ${code ?? 'unknown'}`}`;
  const { status, error } = end;
  if (status !== 'failed' || error === undefined || !ofDevice.has(error.code)) return undefined;
  return error.message.replaceAll(/\s+/g, ' ').replace(/\.$/, '').slice(0, 300);
}

const ofDevice: ReadonlySet<string> = new Set(['device-failed', 'device-unavailable', 'out-of-memory']);

export function formatsIn(probe: Probe | undefined): Pick<JobDevice, 'formats'> {
  const formats = formatsOf(probe);
  return formats === undefined ? {} : { formats };
}
