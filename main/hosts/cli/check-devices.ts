// `lorelei devices --check`: the conformance suite on every device of the library, as text or JSON lines.
import type { App } from '../../app/app.ts';
import { checkDevice, type DeviceCheck } from '../../app/device-check.ts';
import { listDevices } from '../../engine/runtime/onnxruntime-node.ts';
import { conformanceChecks } from '../../training/conformance.ts';
import { print } from './command-parts.ts';
import { EXIT } from './follow.ts';

const words: Record<DeviceCheck['outcome'], string> = {
  conforms: 'conforms',
  fails: 'FAILS',
  absent: 'not to be had here',
};

/** The exit code: 1 where a device that is there fails. */
export async function checkDevices(app: App, json: boolean): Promise<number> {
  let failed = false;
  for (const { name } of await listDevices()) {
    const result = await checkDevice(app.launchErrand, name, { checks: conformanceChecks });
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
