// Graphics adapters on macOS, as its system report lists them. They share the processor's memory.
import { release } from 'node:os';
import { z } from 'zod';
import type { Adapter } from './adapters.ts';
import { jsonFrom } from './system-report.ts';

const displays = z.object({
  SPDisplaysDataType: z.array(z.object({ sppci_model: z.string().optional(), _name: z.string() })),
});

export async function macAdapters(): Promise<Adapter[]> {
  return macAdaptersIn(await jsonFrom('/usr/sbin/system_profiler', ['SPDisplaysDataType', '-json']));
}

export function macAdaptersIn(report: unknown): Adapter[] {
  const listed = displays.safeParse(report).data?.SPDisplaysDataType ?? [];
  return listed.map(({ sppci_model: model, _name: name }) => ({
    name: model ?? name,
    // The driver is part of the system.
    driver: `Metal of Darwin ${release()}`,
    memoryBytes: null,
  }));
}
