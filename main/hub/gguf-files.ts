// Repositories that hold a model as GGUF files: what the Hub has read in them, and which of the files to take.
import { z } from 'zod';
import { chooseModel, rankOf } from '../checkpoints/gguf/choice.ts';
import { modelsAmong, quantisationOf } from '../checkpoints/gguf/file-names.ts';
import { UserError } from '../errors.ts';

const ggufFacts = z.object({
  /** llama.cpp's name of it. */
  architecture: z.string(),
  /** Parameters. */
  total: z.number().optional(),
  context_length: z.number().optional(),
  chat_template: z.string().optional(),
});
export type GgufFacts = z.infer<typeof ggufFacts>;

/** A field of the Hub's that its library does not know, and passes on. */
export const ggufField = 'gguf' as 'spaces';

export function ggufFactsIn(info: object): GgufFacts | null {
  return ggufFacts.safeParse('gguf' in info ? info.gguf : undefined).data ?? null;
}

/** One model of a repository, in one file or in several parts. */
export type GgufChoice<F> = {
  /** Of its first file. */
  path: string;
  files: F[];
  quantisation: string | undefined;
};

/** What a repository without safetensors has in GGUF files, the best to train on first. */
export function ggufsAmong<F extends { path: string }>(files: readonly F[]): GgufChoice<F>[] {
  if (files.some(({ path }) => path.endsWith('.safetensors'))) return [];
  const byPath = new Map(files.map((file) => [file.path, file]));
  return modelsAmong([...byPath.keys()])
    .map((parts) => ({
      path: parts[0],
      files: parts.flatMap((path) => byPath.get(path) ?? []),
      quantisation: quantisationOf(parts[0]),
    }))
    .sort((a, b) => rankOf(a.path) - rankOf(b.path));
}

/** The one that `file` names, by path or quantisation; the best without it. Throws UserError "gguf-file-missing". */
export function chosenGguf<F>(id: string, ggufs: readonly GgufChoice<F>[], file?: string): GgufChoice<F> {
  const found = chooseModel(ggufs, ({ path }) => path, file);
  if (found) return found;
  const names = ggufs.map(({ quantisation, path }) => quantisation ?? path);
  throw new UserError({
    code: 'gguf-file-missing',
    message: `${id} has no GGUF file ${file ?? ''}.`,
    fix: `It has ${names.join(', ')}: name one of these, as in ${id}:${names[0] ?? ''}.`,
  });
}
