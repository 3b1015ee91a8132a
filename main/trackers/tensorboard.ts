// TensorBoard's event files, as transformers' TensorBoardCallback writes them through PyTorch's SummaryWriter. Every
// call of send ends with whole records on the disk: a crash leaves a file that can be read.
import { mkdir, open, type FileHandle } from 'node:fs/promises';
import { homedir, hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { messageOf } from '../errors.ts';
import { restartEvent, scalarEvent, textEvent, versionEvent } from './event-schema.ts';
import { groupedName } from './metric-names.ts';
import { maskedParameters } from './parameters.ts';
import { tfRecord } from './tfrecord.ts';
import {
  DeliveryError,
  type Environment,
  type TrackedRun,
  type Tracker,
  type TrackerContext,
  type TrackerEntry,
  type TrackerTarget,
} from './tracker.ts';

export const tensorboard: TrackerTarget = {
  name: 'tensorboard',
  title: 'TensorBoard',
  queuesOnDisk: false,
  batch: 1000,
  setup: {
    place: (environment) => environment['TENSORBOARD_LOGGING_DIR'] || "runs/ in each run's output folder",
    secrets: [],
    needsSecrets: false,
    variables: ['TENSORBOARD_LOGGING_DIR'],
  },
  create: (run, context) => createTensorBoard(run, context),
};

let filesOfThisProcess = 0;

function createTensorBoard(run: TrackedRun, { environment, state }: TrackerContext): Tracker {
  const now = Date.now();
  const folder = state.text('folder') ?? logFolder(run, environment, new Date(now));
  const name = `events.out.tfevents.${String(Math.floor(now / 1000)).padStart(10, '0')}.${hostname()}.${process.pid}.${filesOfThisProcess++}`;
  const file = join(folder, name);
  let handle: FileHandle | undefined;
  let size = 0;

  /** Appends whole records, or none. */
  async function append(events: readonly Uint8Array[]): Promise<void> {
    const bytes = Buffer.concat(events.map(tfRecord));
    try {
      handle ??= await open(file, 'ax');
      for (let done = 0; done < bytes.length;) {
        done += (await handle.write(bytes, done, bytes.length - done)).bytesWritten;
      }
      size += bytes.length;
    } catch (error) {
      await handle?.truncate(size).catch(() => undefined);
      throw writeProblem(file, error);
    }
  }

  return {
    async connect() {
      try {
        await mkdir(folder, { recursive: true });
      } catch (error) {
        throw writeProblem(folder, error);
      }
      const args = JSON.stringify(maskedParameters(run.parameters), null, 2);
      await append([versionEvent(now), ...(state.flag('parametersSent') ? [] : [textEvent(now, 'args', args)])]);
      await state.set({ folder, parametersSent: true });
      return `writing to ${folder}`;
    },
    send: (entries) => append(entries.flatMap(eventsOf)),
    async close() {
      await handle?.datasync();
      await handle?.close();
    },
  };
}

function eventsOf(entry: TrackerEntry): Uint8Array[] {
  switch (entry.type) {
    case 'start':
      // What an earlier file says of the steps that are now computed anew no longer holds.
      return entry.step > 0 ? [restartEvent(entry.at, entry.step + 1)] : [];
    case 'metrics':
      return Object.entries(entry.metrics).map(([name, value]) =>
        scalarEvent(entry.at, entry.step, groupedName(name), value),
      );
    case 'end':
      return [];
  }
}

/** TENSORBOARD_LOGGING_DIR, logging_dir of the recipe, or transformers' default below the output folder. */
function logFolder(run: TrackedRun, environment: Environment, now: Date): string {
  const given = environment['TENSORBOARD_LOGGING_DIR'] ?? run.parameters['logging_dir'];
  if (typeof given === 'string' && given !== '') return resolve(given.replace(/^~(?=$|[/\\])/, homedir()));
  const two = (value: number): string => String(value).padStart(2, '0');
  const month = now.toLocaleString('en-US', { month: 'short' });
  const time = [now.getHours(), now.getMinutes(), now.getSeconds()].map(two).join('-');
  return join(run.outputDir, 'runs', `${month}${two(now.getDate())}_${time}_${hostname()}`);
}

function writeProblem(path: string, error: unknown): DeliveryError {
  return new DeliveryError('unreachable', `${path} cannot be written (${messageOf(error)})`, { cause: error });
}
