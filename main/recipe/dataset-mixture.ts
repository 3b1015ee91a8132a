// TRL's `datasets:` list, as far as it names local files: turned into the plain list that dataset_name holds.
import { join } from 'node:path';
import { z } from 'zod';
import { UserError } from '../errors.ts';

const PATH_BUILDERS = new Set(['json', 'csv', 'parquet', 'text']);

const oneOrMore = z.union([z.string(), z.array(z.string()).min(1)]);

const mixture = z
  .array(
    z.strictObject({
      path: z.string(),
      data_dir: z.string().nullish(),
      data_files: z.union([oneOrMore, z.record(z.string(), oneOrMore)]).nullish(),
      split: z.string().nullish(),
      name: z.null().optional(),
      columns: z.null().optional(),
      fraction: z.union([z.null(), z.literal(1)]).optional(),
    }),
  )
  .min(1);

const asList = (value: string | string[]): string[] => (typeof value === 'string' ? [value] : value);

/**
 * The files of a mixture, in order: `data_files` where given, else the folder or file `path`. Throws UserError
 * "recipe-value" for entries that need more than reading local files (name, columns, fraction below 1).
 */
export function filesOfMixture(value: unknown): string[] {
  const parsed = mixture.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const keys = issue?.code === 'unrecognized_keys' ? issue.keys.join(', ') : '';
    throw new UserError({
      code: 'recipe-value',
      message: `datasets${(issue?.path ?? []).map((part) => `[${String(part)}]`).join('')}${keys && ` (${keys})`} cannot be used: only entries of local files are here yet, with path, data_files, data_dir and split.`,
      fix: 'Give each entry a local path or data_files, without name, columns or fraction; or list the files under dataset_name.',
    });
  }
  return parsed.data.flatMap(({ path, data_dir: folder, data_files: files, split }) => {
    const root = PATH_BUILDERS.has(path) ? (folder ?? '') : join(path, folder ?? '');
    if (files === undefined || files === null) {
      if (root !== '') return [root];
      throw new UserError({
        code: 'recipe-value',
        message: `datasets: the entry with path ${path} names no data_files.`,
        fix: `Add data_files to it, for example: data_files: data/train.jsonl`,
      });
    }
    const bySplit = typeof files === 'string' || Array.isArray(files) ? files : files[split ?? 'train'];
    if (bySplit === undefined) {
      throw new UserError({
        code: 'recipe-value',
        message: `datasets: data_files has no entry for the split ${split ?? 'train'}; it has ${Object.keys(files).join(', ')}.`,
        fix: 'Set split to one of these.',
      });
    }
    return asList(bySplit).map((file) => join(root, file));
  });
}
