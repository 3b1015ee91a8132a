// How the tensors of a model are spread over .safetensors files: cut, named and indexed as save_pretrained of
// transformers does. Writing them is left to shard-files.ts.
import { UserError } from '../errors.ts';

export type Shard<T> = { file: string; tensors: T[] };

export type ShardPlan<T> = {
  shards: Shard<T>[];
  /** Bytes of all tensors. */
  totalBytes: number;
};

/**
 * Fills one file after the other, in the order of `tensors`, up to `maxBytes`; a tensor larger than that gets a file of
 * its own and does not close the one being filled. One file is named model.safetensors.
 */
export function planShards<T extends { bytes: number }>(tensors: readonly T[], maxBytes: number): ShardPlan<T> {
  const groups: T[][] = [];
  let filling: T[] = [];
  let filled = 0;
  for (const tensor of tensors) {
    if (tensor.bytes > maxBytes) {
      groups.push([tensor]);
      continue;
    }
    if (filled + tensor.bytes > maxBytes) {
      groups.push(filling);
      [filling, filled] = [[], 0];
    }
    filling.push(tensor);
    filled += tensor.bytes;
  }
  if (filling.length > 0) groups.push(filling);
  const numbered = (n: number): string => String(n).padStart(5, '0');
  return {
    shards: groups.map((group, i) => ({
      file:
        groups.length === 1
          ? 'model.safetensors'
          : `model-${numbered(i + 1)}-of-${numbered(groups.length)}.safetensors`,
      tensors: group,
    })),
    totalBytes: tensors.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

/** model.safetensors.index.json; undefined for a single file, which needs none. */
export function shardIndex<T extends { name: string; shape: readonly number[] }>({
  shards,
  totalBytes,
}: ShardPlan<T>): string | undefined {
  if (shards.length < 2) return undefined;
  const placed = shards.flatMap(({ file, tensors }) => tensors.map(({ name }): [string, string] => [name, file]));
  const parameters = shards
    .flatMap(({ tensors }) => tensors)
    .reduce((sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1), 0);
  const index = {
    metadata: { total_parameters: parameters, total_size: totalBytes },
    weight_map: Object.fromEntries(placed.sort(([a], [b]) => (a < b ? -1 : 1))),
  };
  return `${JSON.stringify(index, null, 2)}\n`;
}

const units: Record<string, number> = { '': 1, KB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 };

/** Bytes of a size as transformers writes it: "5GB", "500MB", a plain number. @throws UserError "shard-size" */
export function parseShardSize(text: string): number {
  const [, digits = '', unit = ''] = /^\s*(\d+(?:\.\d+)?)\s*([KMGT]B)?\s*$/i.exec(text) ?? [];
  const bytes = Math.floor(Number(digits) * (units[unit.toUpperCase()] ?? Number.NaN));
  if (digits !== '' && bytes >= 1) return bytes;
  throw new UserError({
    code: 'shard-size',
    message: `The largest size of a weight file is "${text}"; it must be a number of bytes or end in KB, MB, GB or TB.`,
    fix: 'Use 5GB, for example.',
  });
}
