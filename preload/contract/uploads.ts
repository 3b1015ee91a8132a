// Files that a browser handed over, which lie in Lorelei's home. The bytes come over
// POST /upload?name=NAME of `lorelei serve`, which answers as a command does: with the path.
import { z } from 'zod';

export const upload = z.object({
  name: z.string(),
  path: z.string(),
  bytes: z.number(),
  /** Milliseconds since 1970. */
  uploadedAt: z.number(),
});
export type Upload = z.infer<typeof upload>;

export const uploadCommands = {
  /** Fails with "disk-full" where a file of this size does not fit: better known before it is sent. */
  'uploads.room': {
    input: z.strictObject({ name: z.string().max(1000), bytes: z.int().min(0) }),
    output: z.object({}),
  },
  /** Newest first. */
  'uploads.list': { input: z.strictObject({}), output: z.array(upload) },
  /** Refused while a run needs it. */
  'uploads.remove': { input: z.strictObject({ name: z.string() }), output: z.object({}) },
};
