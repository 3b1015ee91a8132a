// Parameters as one flat float32 vector with a view per tensor, which shares its memory: what the gradient graph, the
// optimizer and checkpoints work on.
import type { ParameterSpec } from './build-step.ts';

export type Slot = ParameterSpec & { decay: boolean; offset: number; size: number };

export type FlatLayout = { slots: readonly Slot[]; size: number };

/** Lays out parameters one after the other, those with weight decay first. */
export function flatLayout(parameters: readonly ParameterSpec[], decays: (spec: ParameterSpec) => boolean): FlatLayout {
  const slots: Slot[] = [];
  let offset = 0;
  for (const decay of [true, false]) {
    for (const spec of parameters.filter((parameter) => decays(parameter) === decay)) {
      const size = spec.shape.reduce((a, b) => a * b, 1);
      slots.push({ ...spec, decay, offset, size });
      offset += size;
    }
  }
  return { slots, size: offset };
}

/** The part of `vector` that is the tensor in `slot`. */
export function view(vector: Float32Array, slot: { offset: number; size: number }): Float32Array {
  return vector.subarray(slot.offset, slot.offset + slot.size);
}
