// Starts the job of a run where it can train. For `device: auto` that is decided first: what was never tried on this
// machine is tried, once. Where the device taken cannot train this model, the run goes on with the next one.
import type { JobRecord } from '../../preload/contract.ts';
import { listedDevices } from '../devices/listed-devices.ts';
import { lookAtMachine, type Machine } from '../devices/machine.ts';
import { parseDevice } from '../engine/runtime/device-name.ts';
import { UserError } from '../errors.ts';
import type { JobDevice, JobSpec } from '../training/job.ts';
import type { App } from './app.ts';
import { decideDevice, faultOf, formatsOf } from './device-choice.ts';
import { knownProbes, type Probe, probeDevice } from './device-probes.ts';
import type { JobExit, JobHandle } from './job.ts';

type Place = Pick<App, 'home' | 'launchErrand' | 'canLaunchErrands' | 'launchJob'>;

type Hooks = {
  onRecord: (record: JobRecord) => void;
  log: string;
  /** Called with the id of each process that trains; undefined where it could not be started. */
  onSpawn: (pid: number | undefined) => void;
};

export type DeviceJob = Omit<JobHandle, 'spawned'>;

type End = Extract<JobRecord, { type: 'end' }>;

/** DirectML and Core ML were never run by whoever made this version: not even by name without a trial. */
const triedFirst: ReadonlySet<string> = new Set(['auto', 'dml', 'coreml']);

export function launchOnDevice(app: Place, job: JobSpec, hooks: Hooks, look = lookAtMachine): DeviceJob {
  const launched = new DeviceLaunch(app, job, hooks);
  const wanted = job.recipe.device;
  // A host that starts no other processes cannot try anything.
  const exited =
    triedFirst.has(wanted) && app.canLaunchErrands
      ? launched.decideAndLaunch(wanted, look)
      : parseDevice(wanted).device === 'cuda'
        ? launched.launchNamed(wanted, look)
        : launched.launchNow();
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

  /** Tries nothing; but what an earlier trial has shown decides what bf16 and fp16 come to. */
  async launchNamed(wanted: string, look: typeof lookAtMachine): Promise<JobExit> {
    const probe = await look(this.#app.home.folder).then(
      (machine) => {
        const probes = knownProbes(this.#app, machine);
        return probes.get(wanted) ?? probes.get(`${wanted}:0`);
      },
      () => undefined,
    );
    if (this.#isEnding()) return this.#endBefore(undefined);
    return this.launchNow(probe && { name: wanted, reason: 'the recipe asks for it', ...formatsIn(probe) });
  }

  async decideAndLaunch(wanted: string, look: typeof lookAtMachine): Promise<JobExit> {
    const failed = new Map<string, string>();
    for (;;) {
      let device: JobDevice;
      try {
        const machine = await look(this.#app.home.folder);
        device = wanted === 'auto' ? await this.#decide(machine, failed) : await this.#require(machine, wanted);
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
      const decision = decideDevice(devices, probes, failed);
      if (!('untried' in decision))
        return { name: decision.device, reason: decision.reason, ...formatsIn(probes.get(decision.device)) };
      await this.#probe(machine, decision.untried);
    }
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
    this.#handle = this.#app.launchJob(job, { onRecord, log: this.#hooks.log });
    void this.#handle.spawned.then(this.#hooks.onSpawn);
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
