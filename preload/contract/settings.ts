// What the Settings screen shows and changes: the device, the disk, secrets, trackers, and what a report of a problem
// needs. Values of secrets go in and never come out.
import { z } from 'zod';
import { errorDetails } from './records.ts';

/** What is kept in settings.json of the home folder. The theme is the browser's affair. */
export const settings = z.looseObject({
  /** For runs started in a window whose recipe names no device. */
  device: z
    .union([z.enum(['auto', 'cpu', 'cuda', 'webgpu', 'coreml', 'dml']), z.templateLiteral(['cuda:', z.number().int()])])
    .default('auto'),
});
export type Settings = z.infer<typeof settings>;

export const deviceReport = z.object({
  /** As recipes name it. */
  name: z.string(),
  /** Whether this version trains on it. */
  usable: z.boolean(),
  /** What for, or why not. */
  note: z.string(),
});
export type DeviceReport = z.infer<typeof deviceReport>;

export const secretState = z.object({
  /** The environment variable of the same meaning: "HF_TOKEN". */
  name: z.string(),
  title: z.string(),
  /** "login": what hf auth login keeps for all tools of Hugging Face. "unknown": the keychain could not be asked. */
  source: z.enum(['environment', 'keychain', 'login', 'none', 'unknown']),
  /** The last four characters of a long value, to tell one key from another. */
  ending: z.string().optional(),
});
export type SecretState = z.infer<typeof secretState>;

export const storagePart = z.object({
  name: z.enum(['runs', 'cache', 'uploads', 'history', 'models']),
  path: z.string(),
  bytes: z.number(),
});
export type StoragePart = z.infer<typeof storagePart>;

export const trackerReport = z.object({
  /** As report_to has it. */
  name: z.string(),
  title: z.string(),
  /** Where logs go: an address, or a folder in words. */
  place: z.string(),
  /** Names of its secrets. */
  secrets: z.array(z.string()),
  /** False where they are for protected servers only. */
  needsSecrets: z.boolean(),
  /** Environment variables that change where logs go, with what they are set to. */
  variables: z.array(z.object({ name: z.string(), value: z.string().nullable() })),
  /** Ended runs whose log it has not got in full. */
  waitingRuns: z.number(),
});
export type TrackerReport = z.infer<typeof trackerReport>;

const nothing = z.strictObject({});

export const settingsCommands = {
  'settings.load': {
    input: nothing,
    /** `problem` says what became of a file that could not be used. */
    output: z.object({ settings, path: z.string(), problem: errorDetails.nullable() }),
  },
  'settings.change': { input: settings.partial().strict(), output: z.object({ settings }) },
  'devices.list': {
    input: nothing,
    /** `auto` is what device: auto comes to here, and why. */
    output: z.object({
      devices: z.array(deviceReport),
      auto: z.object({ device: z.string(), reason: z.string() }),
      processor: z.string(),
      cores: z.number(),
      memoryBytes: z.number(),
    }),
  },
  'storage.describe': {
    input: nothing,
    output: z.object({ home: z.string(), freeBytes: z.number(), parts: z.array(storagePart) }),
  },
  /** Refused while anything runs. */
  'cache.clear': { input: nothing, output: z.object({ freedBytes: z.number() }) },
  'secrets.list': {
    input: nothing,
    /**
     * `place` is where they are kept and `reach` a sentence on who reads that, null where there is no keychain; `problem`
     * is why it could not be asked.
     */
    output: z.object({
      secrets: z.array(secretState),
      place: z.string().nullable(),
      reach: z.string().nullable(),
      problem: errorDetails.nullable(),
    }),
  },
  'secrets.set': {
    input: z.strictObject({ name: z.string(), value: z.string().max(10_000) }),
    output: z.object({ place: z.string() }),
  },
  'secrets.remove': { input: z.strictObject({ name: z.string() }), output: z.object({ removed: z.boolean() }) },
  'trackers.list': { input: nothing, output: z.object({ trackers: z.array(trackerReport) }) },
  /** Writes a text file into the home folder that holds no data, prompts or secrets. */
  'diagnostics.write': { input: nothing, output: z.object({ path: z.string(), bytes: z.number(), runs: z.number() }) },
};
