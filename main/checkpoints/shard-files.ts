// Writes the tensors of a model into its .safetensors files and their index, a piece of a tensor at a time. How they are
// spread over files is planned in shards.ts, what the pieces are is the caller's.
import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { inFileOrder, safetensorsHeader, type SafetensorsDType } from './safetensors.ts';
import { shardIndex, type ShardPlan } from './shards.ts';

type Described = { name: string; dtype: SafetensorsDType; shape: readonly number[] };

export type ShardContent<T> = {
  /** All bytes of a tensor, in order. */
  piecesOf: (tensor: T) => Iterable<Uint8Array>;
  /** Called after each piece; what it throws ends the writing. */
  pause: (bytes: number) => Promise<void>;
};

/** Into a folder that has none of these files yet. */
export async function writeShards<T extends Described>(
  folder: string,
  plan: ShardPlan<T>,
  { piecesOf, pause }: ShardContent<T>,
): Promise<void> {
  for (const { file, tensors } of plan.shards) {
    const ordered = inFileOrder(tensors);
    const output = openSync(join(folder, file), 'wx');
    const write = (bytes: Uint8Array): void => {
      for (let done = 0; done < bytes.length;) done += writeSync(output, bytes, done);
    };
    try {
      write(safetensorsHeader(ordered, { format: 'pt' }));
      for (const tensor of ordered) {
        for (const bytes of piecesOf(tensor)) {
          write(bytes);
          await pause(bytes.length);
        }
      }
    } finally {
      closeSync(output);
    }
  }
  const index = shardIndex(plan);
  if (index !== undefined) writeFileSync(join(folder, 'model.safetensors.index.json'), index);
}
