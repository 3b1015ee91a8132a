// Parameters, gradients and optimizer state as flat float32 vectors, with a view per tensor. The vectors are what the
// optimizer and checkpoints work on, the views are what the gradient graph reads and writes; both share memory.
import type { ParameterSpec } from './build-step.ts';

export type Slot = ParameterSpec & { group: 'decay' | 'no-decay'; offset: number; size: number };

export type FlatLayout = {
  slots: readonly Slot[];
  /** Ranges of the vector by group, empty groups left out. */
  groups: readonly { name: 'decay' | 'no-decay'; offset: number; size: number; decay: boolean }[];
  size: number;
};

/** Lays out parameters one after the other, those with weight decay first. */
export function flatLayout(parameters: readonly ParameterSpec[], decays: (spec: ParameterSpec) => boolean): FlatLayout {
  const slots: Slot[] = [];
  const groups: FlatLayout['groups'][number][] = [];
  let offset = 0;
  for (const decay of [true, false]) {
    const start = offset;
    const name = decay ? 'decay' : 'no-decay';
    for (const spec of parameters.filter((parameter) => decays(parameter) === decay)) {
      const size = spec.shape.reduce((a, b) => a * b, 1);
      slots.push({ ...spec, group: name, offset, size });
      offset += size;
    }
    if (offset > start) groups.push({ name, offset: start, size: offset - start, decay });
  }
  return { slots, groups, size: offset };
}

/** The part of `vector` that is the tensor in `slot`. */
export function view(vector: Float32Array, slot: { offset: number; size: number }): Float32Array {
  return vector.subarray(slot.offset, slot.offset + slot.size);
}
