// Asks NVIDIA's driver, through the tool that comes with it, which GPUs there are and what they use.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { hasSystemCode } from '../errors.ts';

export type Gpu = {
  /** As nvidia-smi counts, and CUDA with CUDA_DEVICE_ORDER=PCI_BUS_ID. */
  index: number;
  /** "GPU-6e2b…" */
  uuid?: string;
  name: string;
  driver: string;
  memoryBytes: number | null;
  /** "8.6"; null where the driver does not tell. */
  computeCapability: string | null;
};

export type GpuUsage = {
  memoryBytes: number;
  /** All that it has; null where the driver does not tell. */
  totalMemoryBytes: number | null;
  utilizationPercent: number | null;
};

const LIMIT_MS = 5000;
const MIB = 2 ** 20;

/** Empty where there is no NVIDIA driver, or it does not answer. */
export async function listGpus(): Promise<Gpu[]> {
  const rows = await query(['index', 'name', 'driver_version', 'memory.total', 'compute_cap', 'uuid']);
  return (rows ?? []).flatMap(([index, name, driver, memory, capability, uuid]) =>
    index === undefined || name === undefined || driver === undefined || !Number.isInteger(Number(index))
      ? []
      : [
          {
            index: Number(index),
            ...(uuid !== undefined && { uuid }),
            name,
            driver,
            memoryBytes: bytesIn(memory),
            computeCapability: /^\d+\.\d+$/.test(capability ?? '') ? (capability ?? null) : null,
          },
        ],
  );
}

/**
 * What one GPU uses now, of all programs; undefined where the driver does not tell. It is named by its index or by its
 * address on the bus ("0000:01:00.0").
 */
export async function gpuUsage(id: number | string): Promise<GpuUsage | undefined> {
  const rows = await query(['memory.used', 'memory.total', 'utilization.gpu'], id);
  const [used, total, utilization] = rows?.[0] ?? [];
  const memoryBytes = bytesIn(used);
  if (memoryBytes === null) return undefined;
  return { memoryBytes, totalMemoryBytes: bytesIn(total), utilizationPercent: numberIn(utilization) };
}

/** Cells of each GPU's row; undefined where there is no such tool or it fails. */
async function query(fields: readonly string[], id?: number | string): Promise<string[][] | undefined> {
  const of = id === undefined ? [] : [`--id=${id}`];
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
  const mebibytes = numberIn(cell);
  return mebibytes === null ? null : mebibytes * MIB;
}

function numberIn(cell: string | undefined): number | null {
  return cell === undefined || cell === '' || !Number.isFinite(Number(cell)) ? null : Number(cell);
}
