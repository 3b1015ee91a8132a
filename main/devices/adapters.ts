// The graphics adapters of this machine, as its system tells of them: what they are called, their drivers, their memory.
// What any of them computes is found out elsewhere, by trying.
import type { Gpu } from '../cuda/nvidia-smi.ts';
import { linuxAdapters } from './linux-adapters.ts';
import { macAdapters } from './mac-adapters.ts';
import { windowsAdapters } from './windows-adapters.ts';

export type Adapter = {
  /** As its maker calls it: "NVIDIA GeForce RTX 4070". */
  name: string;
  /** "580.65.06"; null where the system does not tell. */
  driver: string | null;
  /** Null where the system does not tell, or it shares the processor's. */
  memoryBytes: number | null;
  /** What a process that computes on it has open: "/dev/dri/renderD128". On Linux only. */
  node?: string;
};

/** Those in hardware, NVIDIA's as its driver lists them (`gpus`). Empty where there is none, or the system does not tell. */
export async function listAdapters(gpus: readonly Gpu[], platform: NodeJS.Platform): Promise<Adapter[]> {
  const others = await ofSystem(platform);
  if (gpus.length === 0) return others;
  const isNvidia = ({ name }: Adapter): boolean => /nvidia|geforce|quadro|tesla/i.test(name);
  const nvidia = gpus.map(({ name, driver, memoryBytes }) => ({ name, driver, memoryBytes }));
  return [...nvidia, ...others.filter((adapter) => !isNvidia(adapter))];
}

async function ofSystem(platform: NodeJS.Platform): Promise<Adapter[]> {
  if (platform === 'linux') return linuxAdapters();
  if (platform === 'win32') return windowsAdapters();
  return platform === 'darwin' ? macAdapters() : [];
}
