// Devices in a terminal: the list of them, their trials, and the whole conformance suite, as text or JSON lines.
import type { DeviceReport, DevicesReport } from '../../../preload/contract.ts';
import type { App } from '../../app/app.ts';
import { describeDevices, tryDevices } from '../../app/devices.ts';
import { checkDevice, type DeviceCheck } from '../../app/device-check.ts';
import { keepProbe } from '../../app/device-probes.ts';
import { listedDevices } from '../../devices/listed-devices.ts';
import { lookAtMachine } from '../../devices/machine.ts';
import { UserError } from '../../errors.ts';
import { conformanceChecks } from '../../training/conformance.ts';
import { print } from './command-parts.ts';
import { EXIT } from './follow.ts';
import { byteText } from './numbers.ts';
import { untilStopped } from './stop-signals.ts';
import { terminalOn } from './terminal.ts';

const words: Record<DeviceReport['outcome'], string> = {
  conforms: 'conforms',
  fails: 'FAILS',
  absent: 'not here',
  untried: 'not tried',
};

export async function listDevices(app: App, json: boolean): Promise<string[]> {
  return linesOf(await describeDevices(app), json);
}

/** Tries all that may be there; Ctrl-C ends it, and what is known stays. */
export async function probeDevices(app: App, json: boolean): Promise<string[]> {
  const terminal = terminalOn(process.stderr);
  const tell = (title: string): void => terminal.live(`Trying ${title} …`);
  try {
    return linesOf(await untilStopped(stopped, (signal) => tryDevices(app, { signal, tell })), json);
  } finally {
    terminal.clear();
  }
}

const stopped = (): UserError =>
  new UserError({
    code: 'probe-stopped',
    message: 'Stopped: not every device was tried.',
    fix: 'Run the command again.',
  });

function linesOf({ devices, auto }: DevicesReport, json: boolean): string[] {
  if (json) return devices.map((device) => JSON.stringify({ ...device, auto: device.name === auto.device }));
  const width = Math.max(...devices.map(({ name }) => name.length));
  const now = auto.device === null ? auto.reason : `${auto.device}: ${auto.reason}`;
  return [...devices.flatMap((device) => deviceLines(device, width)), '', `device: auto takes ${now}.`];
}

function deviceLines(device: DeviceReport, width: number): string[] {
  const { name, title, outcome, note, advice, driver, memoryBytes } = device;
  const facts = [
    title,
    ...(memoryBytes === null ? [] : [byteText(memoryBytes)]),
    ...(driver === null ? [] : [`driver ${driver}`]),
  ];
  const under = ' '.repeat(width + 13);
  return [
    `${name.padEnd(width)}  ${words[outcome].padEnd(9)}  ${facts.join(', ')}`,
    `${under}${note}`,
    ...(advice === null ? [] : [`${under}${advice}`]),
  ];
}

/** `lorelei devices --check`, whose findings count as a trial. The exit code: 1 where a device that is there fails. */
export async function checkDevices(app: App, json: boolean): Promise<number> {
  let failed = false;
  const machine = await lookAtMachine(app.home.folder);
  for (const { name } of listedDevices(machine)) {
    const result = await checkDevice(app.launchErrand, name, { checks: conformanceChecks });
    if (name !== 'cpu') keepProbe(app, machine, result);
    failed ||= result.outcome === 'fails';
    print(json ? [JSON.stringify(result)] : textOf(result));
  }
  return failed ? EXIT.failed : EXIT.done;
}

function textOf({ device, outcome, findings }: DeviceCheck): string[] {
  const lines = findings.map(
    ({ check, passed, detail, ms }) =>
      `  ${passed ? 'ok    ' : 'failed'}  ${check.padEnd(13)}  ${`${(ms / 1000).toFixed(1)} s`.padStart(7)}  ${detail}`,
  );
  return [`${device}: ${words[outcome]}`, ...lines];
}
