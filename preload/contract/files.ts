// Looking for a file or a folder on the machine that Lorelei runs on, which is not always the one that shows the page.
import { z } from 'zod';

export const folderEntry = z.object({
  name: z.string(),
  /** Absolute. */
  path: z.string(),
  isFolder: z.boolean(),
  /** Of a file. */
  bytes: z.number().nullable(),
});
export type FolderEntry = z.infer<typeof folderEntry>;

export const fileCommands = {
  /** What a folder holds, folders first, without hidden entries. Without `folder`: the user's own. */
  'files.browse': {
    input: z.strictObject({
      folder: z
        .string()
        .min(1)
        .regex(/^[^\0]*$/)
        .optional(),
    }),
    output: z.object({
      folder: z.string(),
      /** Null at the top. */
      parent: z.string().nullable(),
      entries: z.array(folderEntry),
      /** Only the first of very many are listed. */
      isCut: z.boolean(),
    }),
  },
};
