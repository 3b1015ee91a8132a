// What the Settings screen shows and changes: the device, the disk, secrets, trackers, and what a report of a problem
// needs. Values of secrets go in and never come out.
import { z } from 'zod';
import { errorDetails } from './records.ts';

const device = z.union([
  z.enum(['auto', 'cpu', 'cuda', 'webgpu', 'coreml', 'dml']),
  z.templateLiteral(['cuda:', z.number().int()]),
]);

/** What is kept in settings.json of the home folder. The theme is the browser's affair. */
export const settings = z.looseObject({
  /** For runs started in a window whose recipe names no device. */
  device: device.default('auto'),
  /** Whether the queue has a run on each of several GPUs, or one at a time. */
  useAllGpus: z.boolean().default(true),
});
export type Settings = z.infer<typeof settings>;

/** Not settings.partial(), which would put the default of every key that is absent. */
const settingsChange = z.strictObject({ device: device.optional(), useAllGpus: z.boolean().optional() });

/**
 * What a device's trial has shown: real training steps of a small model, each beside the same steps on the processor.
 * absent: it cannot be opened here. untried: not on this machine as it is now.
 */
const deviceOutcome = z.enum(['conforms', 'fails', 'absent', 'untried']);

export const deviceReport = z.object({
  /** As recipes name it: "cpu", "webgpu", "cuda:1". */
  name: z.string(),
  /** "NVIDIA GeForce RTX 4070 (CUDA)" */
  title: z.string(),
  outcome: deviceOutcome,
  /** Whether it may be picked: its trial has shown that it computes right. */
  usable: z.boolean(),
  /** What the trial has shown, or why there was none. */
  note: z.string(),
  /** What to do to get it, or a better one. */
  advice: z.string().nullable(),
  driver: z.string().nullable(),
  memoryBytes: z.number().nullable(),
  /** It computes on the processor, and more slowly. */
  isSoftware: z.boolean(),
  /** How many times as fast as the processor. */
  speedup: z.number().nullable(),
  /** When it was tried, in milliseconds since 1970. */
  triedAt: z.number().nullable(),
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

export const devicesReport = z.object({
  /** The fastest kind first, the processor last. */
  devices: z.array(deviceReport),
  /** What `device: auto` comes to here, and why; null until what comes before it was tried. */
  auto: z.object({ device: z.string().nullable(), reason: z.string() }),
  processor: z.string(),
  cores: z.number(),
  memoryBytes: z.number(),
});
export type DevicesReport = z.infer<typeof devicesReport>;

const nothing = z.strictObject({});

export const settingsCommands = {
  'settings.load': {
    input: nothing,
    /** `problem` says what became of a file that could not be used. */
    output: z.object({ settings, path: z.string(), problem: errorDetails.nullable() }),
  },
  'settings.change': { input: settingsChange, output: z.object({ settings }) },
  'devices.list': { input: nothing, output: devicesReport },
  /** Tries one of them, or all that may be there, whatever earlier trials have shown. */
  'devices.try': { input: z.strictObject({ device: z.string().optional() }), output: devicesReport },
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
