// The header of a model in one GGUF file, or in several parts of one: metadata from the first, tensors from all.
import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { UserError } from '../../errors.ts';
import { partsOf } from './file-names.ts';
import { type GgufHeader, type GgufTensor, readGgufHeader } from './header.ts';
import { ggufInvalid } from './problems.ts';

/** `path` is that of the first part. @throws UserError "gguf-part-missing" and those of readGgufHeader */
export function readModelHeader(path: string): GgufHeader {
  const [first = path, ...others] = partsOf(path);
  const header = readGgufHeader(path);
  const count = Number(header.metadata.get('split.count') ?? 1);
  if (count <= 1) return header;
  if (others.length + 1 !== count)
    throw partMissing(
      `${path} is one of ${count} parts of a model, and its name does not tell those of the others.`,
      `Give the parts the names that they were made with, which end in -00001-of-${String(count).padStart(5, '0')}.gguf and so on.`,
    );
  const missing = [first, ...others].filter((file) => !existsSync(file));
  if (missing.length > 0)
    throw partMissing(
      `${path} is one of ${count} parts of a model, and ${missing.map((file) => basename(file)).join(', ')} ${missing.length === 1 ? 'is' : 'are'} not beside it.`,
      `Download all ${count} parts into one folder.`,
    );
  return joined([first, ...others].map((file) => (file === path ? header : readGgufHeader(file))));
}

function joined(parts: readonly GgufHeader[]): GgufHeader {
  const [first] = parts;
  if (!first) throw new Error('a model has a part');
  const tensors = new Map<string, GgufTensor>();
  for (const [number, { path, metadata, tensors: own }] of parts.entries()) {
    const [no, count] = [metadata.get('split.no'), metadata.get('split.count')];
    if (Number(no ?? -1) !== number || Number(count) !== parts.length)
      throw ggufInvalid(
        path,
        0,
        `it says that it is part ${String(no)} of ${String(count)}, from 0, and not ${number}`,
      );
    for (const [name, tensor] of own) {
      if (tensors.has(name)) throw ggufInvalid(path, 0, `${name} is in another part, too`);
      tensors.set(name, tensor);
    }
  }
  const described = Number(first.metadata.get('split.tensors.count') ?? tensors.size);
  if (described !== tensors.size)
    throw ggufInvalid(first.path, 0, `it describes ${described} tensors, and its parts hold ${tensors.size}`);
  return { ...first, tensors };
}

function partMissing(message: string, fix: string): UserError {
  return new UserError({ code: 'gguf-part-missing', message, fix });
}
