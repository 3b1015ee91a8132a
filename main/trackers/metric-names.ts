// TRL's metric names as the trackers of transformers write them (transformers.integrations.rewrite_logs; MLflow's
// callback keeps the names but for characters that MLflow does not take).

/** "loss" -> "train/loss", "eval_loss" -> "eval/loss": what TensorBoard and Comet get. */
export function groupedName(name: string): string {
  const split = /^(eval|test)_(.*)$/s.exec(name);
  return split === null ? `train/${name}` : `${split[1] ?? ''}/${split[2] ?? ''}`;
}

/** "rewards/margins (mean)" -> "rewards/margins _mean_": what MLflow gets. */
export function mlflowName(name: string): string {
  return name.replace(/[^0-9A-Za-z_\-. :/]/g, '_');
}
