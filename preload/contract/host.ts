// What a window needs to know of the program that shows it, and the end of a call that takes too long.
import { z } from 'zod';

/** "desktop" has windows and dialogs of the system; "browser" is `lorelei serve`. */
export const hostKind = z.enum(['desktop', 'browser']);
export type HostKind = z.infer<typeof hostKind>;

export const hostCommands = {
  'host.describe': {
    input: z.strictObject({}),
    output: z.object({ kind: hostKind, version: z.string(), platform: z.string(), home: z.string() }),
  },
  /** Opens a page of the web in the person's own browser. Only addresses of a few sites are opened. */
  'host.openExternal': { input: z.strictObject({ url: z.string().max(2000) }), output: z.object({}) },
  /** Cancels the call that was given this name. What it asked for answers with the error "cancelled". */
  'task.cancel': { input: z.strictObject({ task: z.string() }), output: z.object({ wasRunning: z.boolean() }) },
};
