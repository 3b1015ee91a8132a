// How a model is called on the screen, from the reference in the draft alone.

/** "Starter model", "owner/name" for a folder of the Hugging Face cache, "run:NAME", else the folder's name. */
export function modelName(reference: string): string {
  if (reference.startsWith('run:')) return reference;
  const parts = reference.split(/[\\/]/).filter((part) => part !== '');
  const cached = /^models--(.+)$/.exec(parts.at(-2) === 'snapshots' ? (parts.at(-3) ?? '') : (parts.at(-1) ?? ''))?.[1];
  if (cached !== undefined) return cached.replace('--', '/');
  return parts.slice(-2).join('/') === 'resources/starter-model' ? 'Starter model' : (parts.at(-1) ?? reference);
}

/** The line of the step: null where no model is chosen. */
export function modelSummary(model: string, adapter: string): string | null {
  if (model === '') return null;
  return adapter === '' ? modelName(model) : `${modelName(model)} + ${modelName(adapter)}`;
}
