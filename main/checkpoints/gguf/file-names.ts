// What the names of GGUF files tell: which hold a model, which are parts of one (llama-gguf-split's
// NAME-00001-of-00003.gguf), and how its weights are quantised.
import { basename } from 'node:path';

const part = /^(.*)-(\d{5})-of-(\d{5})\.gguf$/i;

/** Names of all parts of the model that a file belongs to, in order; the file alone where it is no part. */
export function partsOf(file: string): string[] {
  const [, stem = '', , last = ''] = part.exec(file) ?? [];
  const count = Number(last);
  // No real model has more, and nonsense in a name makes no list of it.
  if (count < 1 || count > 999) return [file];
  return Array.from({ length: count }, (_, i) => `${stem}-${String(i + 1).padStart(5, '0')}-of-${last}.gguf`);
}

/** "Llama-3.2-1B-Instruct-Q8_0", without folder, ending and number of the part. */
export function modelName(file: string): string {
  const name = basename(file);
  return part.exec(name)?.[1] ?? name.replace(/\.gguf$/i, '');
}

/**
 * The models among files, each as its parts that are there, in order. Projectors of models that see lie beside them, and
 * so do importance matrices: neither is one.
 */
export function modelsAmong(files: readonly string[]): [first: string, ...others: string[]][] {
  const models = new Map<string, [string, ...string[]]>();
  for (const file of [...files].sort()) {
    if (!/\.gguf$/i.test(file) || /mmproj|imatrix/i.test(basename(file))) continue;
    const [model = file] = partsOf(file);
    const known = models.get(model);
    if (known) known.push(file);
    else models.set(model, [file]);
  }
  return [...models.values()];
}

/** "Q4_K_M" of "x-Q4_K_M.gguf", in capitals; undefined where the name says nothing. */
export function quantisationOf(file: string): string | undefined {
  const found = /(?:^|[-._/])((?:I?Q\d|TQ\d|MXFP\d|NVFP\d|BF16|F16|F32|FP16|FP32)\w*)$/i.exec(modelName(file))?.[1];
  return found?.toUpperCase().replace(/^FP(16|32)$/, 'F$1');
}
