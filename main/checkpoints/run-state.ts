// Training checkpoints: folders checkpoint-<step> with the adapter in PEFT's format, the optimizer's state and the rest
// as JSON. A folder of that name is complete. What the state means is training's.
import { existsSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { UserError } from '../errors.ts';
import { type Adapter, readAdapter, writeAdapterFiles } from './adapter.ts';
import { flushFolder, isPartial, partialName, removeFolderAtomically, writeFolderAtomically } from './atomic.ts';
import { withFileProblems } from './file-problem.ts';
import { readJsonObject } from './json-file.ts';
import type { SafetensorsDType } from './safetensors-header.ts';
import { readSafetensorsHeader, readTensorAsFloat32, readTensorBytes, writeSafetensors } from './safetensors.ts';

export type OptimizerTensor = { shape: readonly number[]; data: Float32Array | Uint8Array };

export type TrainingCheckpoint = {
  /** Optimizer steps done. */
  step: number;
  adapter: Adapter;
  /** By name; stored bit for bit. */
  optimizer: Map<string, OptimizerTensor>;
  /** Goes through JSON: finite numbers, strings, booleans, null, arrays and objects of these. */
  state: Record<string, unknown>;
};

export type CheckpointEntry = { step: number; path: string };

const format = 1;
const stateFile = 'state.json';
const optimizerFile = 'optimizer.safetensors';

/** Folder of the checkpoint of a step. */
export function checkpointPath(runDir: string, step: number): string {
  return join(runDir, `checkpoint-${step}`);
}

/** Returns the path of the new folder. One of the same step is replaced. @throws UserError "disk-full" … */
export function writeCheckpoint(runDir: string, { step, adapter, optimizer, state }: TrainingCheckpoint): string {
  const path = checkpointPath(runDir, step);
  removePartials(runDir);
  const isReplacement = existsSync(path);
  const target = isReplacement ? join(runDir, partialName('new')) : path;
  writeFolderAtomically(target, (aside) => {
    writeAdapterFiles(aside, adapter);
    const tensors = [...optimizer].map(([name, { shape, data }]) => {
      const dtype: SafetensorsDType = data instanceof Uint8Array ? 'U8' : 'F32';
      return { name, dtype, shape, data };
    });
    writeSafetensors(join(aside, optimizerFile), tensors);
    // The sizes tell a complete checkpoint from one that a careless copy or a failing disk has cut.
    const files = Object.fromEntries(readdirSync(aside).map((name) => [name, statSync(join(aside, name)).size]));
    writeFileSync(join(aside, stateFile), `${JSON.stringify({ format, step, files, state }, finiteOnly, 1)}\n`);
  });
  if (isReplacement)
    withFileProblems(path, 'written', () => {
      const replaced = join(runDir, partialName('old'));
      renameSync(path, replaced);
      renameSync(target, path);
      flushFolder(runDir);
      rmSync(replaced, { recursive: true });
    });
  return path;
}

/** @throws UserError "checkpoint-incomplete", "checkpoint-too-new", or what its damaged file deserves */
export function readCheckpoint(path: string): TrainingCheckpoint {
  const summary = summaryOf(path);
  const optimizerPath = join(path, optimizerFile);
  const { tensors } = readSafetensorsHeader(optimizerPath);
  return {
    step: summary.step,
    adapter: readAdapter(path),
    optimizer: new Map(
      [...tensors].map(([name, info]) => {
        const read = info.dtype === 'U8' ? readTensorBytes : readTensorAsFloat32;
        return [name, { shape: info.shape, data: read(optimizerPath, info) }];
      }),
    ),
    state: summary.state,
  };
}

/** Only the state of a checkpoint. Throws as readCheckpoint does. */
export function readCheckpointState(path: string): TrainingCheckpoint['state'] {
  return summaryOf(path).state;
}

function summaryOf(path: string): Summary {
  const summary = readSummary(path);
  if (typeof summary === 'string')
    throw new UserError({
      code: 'checkpoint-incomplete',
      message: `${path} is not a complete checkpoint: ${summary}.`,
      fix: 'Resume from an earlier checkpoint of the run.',
    });
  if (summary.format !== format)
    throw new UserError({
      code: 'checkpoint-too-new',
      message: `${path} was written by another version of Lorelei (format ${summary.format}, this one reads ${format}).`,
      fix: 'Resume it with the version that wrote it.',
    });
  return summary;
}

/** The complete checkpoints of a run, in order of steps. */
export function listCheckpoints(runDir: string): CheckpointEntry[] {
  if (!existsSync(runDir)) return [];
  return withFileProblems(runDir, 'read', () => readdirSync(runDir))
    .filter((name) => checkpointStep(name) !== undefined)
    .map((name) => join(runDir, name))
    .filter((path) => typeof readSummary(path) !== 'string')
    .map((path) => ({ step: checkpointStep(basename(path)) ?? 0, path }))
    .sort((a, b) => a.step - b.step);
}

/**
 * Removes the oldest checkpoints beyond `keep` (save_total_limit; undefined keeps all) and returns their paths.
 * The newest and those at the paths in `protect` (such as the best one) always stay; they count among `keep`.
 */
export function pruneCheckpoints(
  runDir: string,
  keep: number | undefined,
  { protect = [] }: { protect?: readonly string[] } = {},
): string[] {
  if (keep === undefined) return [];
  const entries = listCheckpoints(runDir);
  const protectedNames = new Set(protect.map((path) => basename(path)));
  const removable = entries.slice(0, -1).filter(({ path }) => !protectedNames.has(basename(path)));
  const removed = removable.slice(0, Math.max(0, entries.length - keep)).map(({ path }) => path);
  for (const path of removed) removeFolderAtomically(path);
  return removed;
}

function checkpointStep(name: string): number | undefined {
  const digits = /^checkpoint-(\d+)$/.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

type Summary = { format: number; step: number; state: Record<string, unknown> };

/** What state.json says when all files beside it are as it says; otherwise what is wrong. */
function readSummary(path: string): Summary | string {
  if (!existsSync(join(path, stateFile))) return `it has no ${stateFile}`;
  let raw: Record<string, unknown>;
  try {
    raw = readJsonObject(join(path, stateFile), 'checkpoint-invalid');
  } catch (error) {
    if (error instanceof UserError && error.code === 'checkpoint-invalid') return error.message.replace(/\.$/, '');
    throw error;
  }
  const { format: version, step, files, state } = raw;
  if (typeof version !== 'number' || typeof step !== 'number' || !isObject(files) || !isObject(state))
    return `${stateFile} lacks format, step, files or state`;
  for (const [name, size] of Object.entries(files)) {
    const found = statSync(join(path, name), { throwIfNoEntry: false })?.size;
    if (found === undefined) return `${name} is missing`;
    if (found !== size) return `${name} has ${found} bytes instead of ${String(size)}`;
  }
  return { format: version, step, state };
}

/** What a killed process left behind. A run has one writer, so nothing here is still being written. */
function removePartials(runDir: string): void {
  if (!existsSync(runDir)) return;
  withFileProblems(runDir, 'removed', () => {
    for (const name of readdirSync(runDir)) if (isPartial(name)) rmSync(join(runDir, name), { recursive: true });
  });
}

function finiteOnly(key: string, value: unknown): unknown {
  if (typeof value === 'number' && !Number.isFinite(value)) throw new Error(`checkpoint state: "${key}" is ${value}`);
  return value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
