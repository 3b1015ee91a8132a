// Graphics adapters on Windows, as its management interface (CIM) lists them.
import { z } from 'zod';
import type { Adapter } from './adapters.ts';
import { jsonFrom } from './system-report.ts';

const query =
  'Get-CimInstance Win32_VideoController | Select-Object Name,DriverVersion,AdapterRAM | ConvertTo-Json -Compress';

const controller = z.object({
  Name: z.string().nullable(),
  DriverVersion: z.string().nullable(),
  AdapterRAM: z.number().nullable(),
});

/** What Windows shows where there is no GPU or no driver for it (WARP computes then), and screens of other machines. */
const inSoftware = /microsoft (basic|remote)|hyper-v|virtual display|indirect display|citrix|parsec|meta virtual/i;

/** Their memory is counted in 32 bits: from 4 GB on it says nothing. */
const MOST_COUNTED = 4095 * 2 ** 20;

export async function windowsAdapters(): Promise<Adapter[]> {
  return windowsAdaptersIn(await jsonFrom('powershell.exe', ['-NoProfile', '-NonInteractive', '-Command', query]));
}

/** One controller is an object, several are an array. */
export function windowsAdaptersIn(report: unknown): Adapter[] {
  const parsed = z.array(controller).safeParse(Array.isArray(report) ? report : [report]);
  return (parsed.data ?? []).flatMap(({ Name: name, DriverVersion: driver, AdapterRAM: bytes }) =>
    name === null || inSoftware.test(name)
      ? []
      : [{ name, driver, memoryBytes: bytes === null || bytes <= 0 || bytes >= MOST_COUNTED ? null : bytes }],
  );
}
