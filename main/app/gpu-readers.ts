// Where the figures of the GPU that a run trains on are to be had: from NVIDIA's driver, or from what AMD's tells Linux.
// Of a GPU that cannot be told for certain nothing is said, and a GPU in software has none.
import { readdir, readFile, readlink, realpath } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { gpuUsage, type GpuUsage } from '../cuda/nvidia-smi.ts';
import { listVisibleGpus } from '../cuda/visible-gpus.ts';

/** Linux counts nodes for computing from here. */
const FIRST_NODE = 128;

/** Looks once; undefined where the driver does not tell. */
export type ReadGpu = () => Promise<GpuUsage | undefined>;

export type GpuReader = {
  /** Its number, in names that trackers know. */
  index: number;
  read: ReadGpu;
};

/** `device` is that of the run, "cuda:1", and `pid` the process that trains. Undefined where no figures are to be had. */
export type FindGpuReader = (device: string, pid: number | undefined) => Promise<GpuReader | undefined>;

/**
 * Of WebGPU the library does not say which GPU it took: on Linux it is the one that the process holds open. That is seen
 * once the device is open, so who finds nothing asks again.
 */
export const findGpuReader: FindGpuReader = async (device, pid) => {
  if (device === 'cpu') return undefined;
  if (device.startsWith('cuda')) {
    const gpu = (await listVisibleGpus()).find((one) => one.device === device);
    return gpu && { index: gpu.index, read: () => gpuUsage(gpu.index) };
  }
  return process.platform === 'linux' && pid !== undefined ? gpuHeldBy(pid) : undefined;
};

/** `root` is that of the file system. Undefined where the process holds no GPU with figures, or several. */
export async function gpuHeldBy(pid: number, root = '/'): Promise<GpuReader | undefined> {
  const files = join(root, 'proc', String(pid), 'fd');
  const names = await readdir(files).catch(() => []);
  const targets = await Promise.all(names.map((name) => readlink(join(files, name)).catch(() => '')));
  const held = await Promise.all([...new Set(targets)].map((target) => gpuBehind(target, root)));
  const byPlace = new Map(held.filter((one) => one !== undefined).map((one) => [one.place, one]));
  const [gpu, ...others] = byPlace.values();
  if (gpu === undefined || others.length > 0) return undefined;
  const { place, index } = gpu;
  const folder = join(root, 'sys/bus/pci/devices', place);
  const vendor = (await textIn(join(folder, 'vendor')))?.trim();
  if (vendor === '0x10de') return { index, read: () => gpuUsage(place) };
  if ((await textIn(join(folder, 'mem_info_vram_used'))) === undefined) return undefined;
  return { index, read: () => readAmdGpu(folder) };
}

/** The GPU behind "/dev/dri/renderD128" or "/dev/nvidia0", with its address on the bus: "0000:01:00.0". */
async function gpuBehind(file: string, root: string): Promise<{ place: string; index: number } | undefined> {
  const node = /^\/dev\/dri\/renderD(\d+)$/.exec(file)?.[1];
  if (node !== undefined) {
    const folder = await realpath(join(root, `sys/class/drm/renderD${node}/device`)).catch(() => undefined);
    return folder === undefined ? undefined : { place: basename(folder), index: Number(node) - FIRST_NODE };
  }
  const minor = /^\/dev\/nvidia(\d+)$/.exec(file)?.[1];
  if (minor === undefined) return undefined;
  const known = join(root, 'proc/driver/nvidia/gpus');
  for (const place of await readdir(known).catch(() => [])) {
    const about = await textIn(join(known, place, 'information'));
    if (/^Device Minor:\s*(\d+)/m.exec(about ?? '')?.[1] === minor) return { place, index: Number(minor) };
  }
  return undefined;
}

async function readAmdGpu(folder: string): Promise<GpuUsage | undefined> {
  const [used, total, busy] = await Promise.all(
    ['mem_info_vram_used', 'mem_info_vram_total', 'gpu_busy_percent'].map((name) => numberIn(join(folder, name))),
  );
  if (used === undefined) return undefined;
  return { memoryBytes: used, totalMemoryBytes: total ?? null, utilizationPercent: busy ?? null };
}

async function numberIn(file: string): Promise<number | undefined> {
  const text = (await textIn(file))?.trim() ?? '';
  return /^\d+$/.test(text) ? Number(text) : undefined;
}

const textIn = (file: string): Promise<string | undefined> => readFile(file, 'utf8').catch(() => undefined);
