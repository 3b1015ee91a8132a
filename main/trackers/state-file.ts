// The few values of a tracker that outlive a process, in a JSON file in the run's folder.
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';

type Value = string | number | boolean;

export type TrackerState = {
  text(key: string): string | undefined;
  number(key: string): number | undefined;
  flag(key: string): boolean;
  /** Sets values and writes them. A disk that takes nothing is told to `onProblem`; the values hold here all the same. */
  set(changes: Readonly<Record<string, Value>>): Promise<void>;
};

/** The state in `file`; empty where there is none yet or it cannot be read as one. */
export async function openTrackerState(file: string, onProblem: (error: unknown) => void): Promise<TrackerState> {
  const values = await read(file);
  let writing: Promise<void> = Promise.resolve();
  return {
    text: (key) => (typeof values[key] === 'string' ? values[key] : undefined),
    number: (key) => (typeof values[key] === 'number' ? values[key] : undefined),
    flag: (key) => values[key] === true,
    set(changes) {
      Object.assign(values, changes);
      const text = JSON.stringify(values);
      writing = writing.then(() => write(file, text)).catch(onProblem);
      return writing;
    },
  };
}

async function read(file: string): Promise<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(await readFile(file, 'utf8'));
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

/** Whole or not at all, and never in the way of the thread that follows the run. */
async function write(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const aside = `${file}.${String(process.pid)}.partial`;
  const handle = await open(aside, 'w');
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(aside, file);
}
