// The names that PEFT gives LoRA tensors: base_model.model.<module>.lora_A.weight, where <module> is the linear
// layer's name in the model, such as model.layers.0.self_attn.q_proj.

const prefix = 'base_model.model.';

/** Keys of A [r, in] and B [out, r] of a linear layer, and of DoRA's magnitudes [out]. */
export function adapterKeys(module: string): { a: string; b: string; magnitude: string } {
  return {
    a: `${prefix}${module}.lora_A.weight`,
    b: `${prefix}${module}.lora_B.weight`,
    magnitude: `${prefix}${module}.lora_magnitude_vector`,
  };
}

/** The layer and the part that a key stands for; undefined where it is no key of a LoRA on a linear layer. */
export function parseAdapterKey(key: string): { module: string; part: 'A' | 'B' | 'magnitude' } | undefined {
  const match = /^base_model\.model\.(.+)\.lora_(?:([AB])\.weight|magnitude_vector)$/.exec(key);
  if (match?.[1] === undefined) return undefined;
  return { module: match[1], part: match[2] === 'A' || match[2] === 'B' ? match[2] : 'magnitude' };
}

/** Undoes what other writers do: the adapter's own name ("default") in the key, torch.compile's and DDP's wrappers. */
export function canonicalAdapterKey(key: string): string {
  return key
    .replaceAll('_orig_mod.', '')
    .replace(/^module\./, '')
    .replace(/\.(lora_[AB])\.[A-Za-z_][\w-]*\.weight$/, '.$1.weight')
    .replace(/\.lora_magnitude_vector(\.[A-Za-z_][\w-]*)*$/, '.lora_magnitude_vector');
}
