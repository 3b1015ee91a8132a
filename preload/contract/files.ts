// Looking for a file or a folder on the machine that Lorelei runs on, which is not always the one that shows the page.
import { z } from 'zod';

/** Names only: what a file holds is for whoever picked it. */
export const folderEntry = z.object({
  name: z.string(),
  /** Absolute. */
  path: z.string(),
  isFolder: z.boolean(),
});
export type FolderEntry = z.infer<typeof folderEntry>;

/** Without NUL, which no path can hold. */
const path = z
  .string()
  .min(1)
  .regex(/^[^\0]*$/);

export const fileCommands = {
  /** Asks the person through the system's own dialog. What they pick may be used from then on. */
  'files.choose': {
    input: z.strictObject({
      title: z.string().max(200),
      kind: z.enum(['folder', 'file', 'files']),
      /** Of files: ".jsonl". All where empty. */
      endings: z.array(z.string().regex(/^\.\w+(\.\w+)*$/)).max(20),
      /** Where to begin. */
      start: path.optional(),
    }),
    output: z.object({
      /** Null where the host has no dialog: the page must look for itself. */
      paths: z.array(z.string()).nullable(),
    }),
  },
  /**
   * Lets windows use these files and folders, as a person picked or typed them. In the desktop app the program asks the
   * person itself, outside of the page; where the page is all there is, its picker says what they confirmed. Fails with
   * "file-not-granted".
   */
  'files.grant': { input: z.strictObject({ paths: z.array(path).min(1).max(1000) }), output: z.object({}) },
  /** What a folder holds, folders first, without hidden entries. Without `folder`: the user's own. Not in the desktop app. */
  'files.browse': {
    input: z.strictObject({ folder: path.optional() }),
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
