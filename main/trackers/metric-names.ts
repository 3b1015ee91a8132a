// TRL's metric names as the trackers of transformers write them (transformers.integrations.rewrite_logs; MLflow's
// callback keeps the names but for characters that MLflow does not take).
import type { Metrics } from '../../preload/contract.ts';

/**
 * What training takes of the machine, under the names of MLflow's system metrics: "gpu_memory_usage_megabytes" of the
 * second GPU -> "system/gpu_1_memory_usage_megabytes".
 */
export function withSystemNames(metrics: Metrics, gpu: number): Metrics {
  const named = Object.entries(metrics).map(([name, value]) => {
    const ofGpu = /^gpu_(.*_(?:megabytes|percentage))$/.exec(name)?.[1];
    if (ofGpu !== undefined) return [`system/gpu_${gpu}_${ofGpu}`, value] as const;
    return [name === 'process_memory_peak_megabytes' ? `system/${name}` : name, value] as const;
  });
  return Object.fromEntries(named);
}

/**
 * "system/gpu_1_memory_usage_megabytes" -> sys.gpu.1.used_memory in bytes: what Comet's own SDK measures. Undefined for
 * all others.
 */
export function cometSystemMetric(name: string, value: number): { name: string; value: number } | undefined {
  const [, gpu, what] = /^system\/gpu_(\d+)_(.*)$/.exec(name) ?? [];
  switch (what) {
    case 'memory_usage_megabytes':
      return { name: `sys.gpu.${gpu ?? ''}.used_memory`, value: 1e6 * value };
    case 'utilization_percentage':
      return { name: `sys.gpu.${gpu ?? ''}.gpu_utilization`, value };
    default:
      return undefined;
  }
}

/** "loss" -> "train/loss", "eval_loss" -> "eval/loss": what TensorBoard and Comet get. */
export function groupedName(name: string): string {
  if (name.startsWith('system/')) return name;
  const split = /^(eval|test)_(.*)$/s.exec(name);
  return split === null ? `train/${name}` : `${split[1] ?? ''}/${split[2] ?? ''}`;
}

/** "rewards/margins (mean)" -> "rewards/margins _mean_": what MLflow gets. */
export function mlflowName(name: string): string {
  return name.replace(/[^0-9A-Za-z_\-. :/]/g, '_');
}
