// The GPUs that CUDA shows to a process, as recipes name them: "cuda:0" is the first of CUDA_VISIBLE_DEVICES where that
// is set, as in PyTorch, while nvidia-smi counts all there are.
import { listGpus, type Gpu } from './nvidia-smi.ts';

export type VisibleGpu = Gpu & {
  /** "cuda:1" */
  device: string;
};

/** Empty where there are none, or where it is not known which (parts of a GPU, MIG, have no figures of their own). */
export async function listVisibleGpus(visible = process.env.CUDA_VISIBLE_DEVICES): Promise<VisibleGpu[]> {
  const seen = visibleOf(await listGpus(), visible);
  return seen.map((gpu, i) => ({ ...gpu, device: `cuda:${i}` }));
}

/** CUDA goes through the list until the first entry that names no GPU. */
function visibleOf(gpus: readonly Gpu[], visible: string | undefined): readonly Gpu[] {
  if (visible === undefined) return gpus;
  const entries = visible.split(',').map((entry) => entry.trim());
  if (entries.some((entry) => entry.startsWith('MIG-'))) return [];
  const named = entries.map((entry) =>
    /^\d+$/.test(entry)
      ? gpus.find(({ index }) => index === Number(entry))
      : gpus.find(({ uuid }) => entry.startsWith('GPU-') && uuid?.startsWith(entry) === true),
  );
  const end = named.indexOf(undefined);
  return named.slice(0, end < 0 ? undefined : end).filter((gpu) => gpu !== undefined);
}
