// Asks NVIDIA's driver, through the tool that comes with it, which GPUs there are and what they use.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { hasSystemCode } from '../errors.ts';

export type Gpu = {
  /** As CUDA counts with CUDA_DEVICE_ORDER=PCI_BUS_ID. */
  index: number;
  name: string;
  driver: string;
  memoryBytes: number | null;
  /** "8.6"; null where the driver does not tell. */
  computeCapability: string | null;
};

export type GpuUsage = { index: number; memoryBytes: number; utilizationPercent: number | null };

const LIMIT_MS = 5000;
const MIB = 2 ** 20;

/** Empty where there is no NVIDIA driver, or it does not answer. */
export async function listGpus(): Promise<Gpu[]> {
  const rows = await query(['index', 'name', 'driver_version', 'memory.total', 'compute_cap']);
  return (rows ?? []).flatMap(([index, name, driver, memory, capability]) =>
    index === undefined || name === undefined || driver === undefined || !Number.isInteger(Number(index))
      ? []
      : [
          {
            index: Number(index),
            name,
            driver,
            memoryBytes: bytesIn(memory),
            computeCapability: /^\d+\.\d+$/.test(capability ?? '') ? (capability ?? null) : null,
          },
        ],
  );
}

/** What one GPU uses now, of all programs; undefined where the driver does not tell. */
export async function gpuUsage(index: number): Promise<GpuUsage | undefined> {
  const rows = await query(['index', 'memory.used', 'utilization.gpu'], index);
  const [row] = rows ?? [];
  const memoryBytes = bytesIn(row?.[1]);
  if (row === undefined || memoryBytes === null) return undefined;
  const utilization = Number(row[2]);
  return { index, memoryBytes, utilizationPercent: row[2] !== '' && Number.isFinite(utilization) ? utilization : null };
}

/** Cells of each GPU's row; undefined where there is no such tool or it fails. */
async function query(fields: readonly string[], index?: number): Promise<string[][] | undefined> {
  const of = index === undefined ? [] : [`--id=${index}`];
  try {
    const { stdout } = await promisify(execFile)(
      'nvidia-smi',
      [`--query-gpu=${fields.join(',')}`, '--format=csv,noheader,nounits', ...of],
      { timeout: LIMIT_MS, windowsHide: true },
    );
    const lines = stdout.split('\n').filter((line) => line.trim() !== '');
    return lines.map((line) => line.split(',').map((cell) => cell.trim()));
  } catch (error) {
    // A driver that is half updated answers with an error until the machine starts anew.
    if (!hasSystemCode(error, 'ENOENT')) console.error('nvidia-smi failed:', error);
    return undefined;
  }
}

/** "24564" (MiB); null for "[N/A]". */
function bytesIn(cell: string | undefined): number | null {
  const mebibytes = Number(cell);
  return cell === undefined || cell === '' || !Number.isFinite(mebibytes) ? null : mebibytes * MIB;
}
