// What an export would take, and where it would go, before anything is written.
import { existsSync, readdirSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { CommandInput, CommandOutput, ExportFormat } from '../../preload/contract.ts';
import { readAdapterConfig } from '../checkpoints/adapter-config.ts';
import { freeDiskSpace } from '../checkpoints/disk-space.ts';
import type { App } from './app.ts';
import { basePathOf } from './chain-runs.ts';
import { findRun } from './find-run.ts';
import { inspectModel } from './inspect-model.ts';
import { findAdapter } from './run-adapter.ts';

type Asked = CommandInput<'export.plan'>;

const weightBytes = { float32: 4, float16: 2, bfloat16: 2 };

/** Throws UserError "run-not-found", "nothing-to-export", "checkpoint-not-found" and what the adapter's files say. */
export function planExport(app: App, asked: Asked): CommandOutput<'export.plan'> {
  const run = findRun(app, asked.id);
  const { step, adapterFolder } = findAdapter(app, run, asked.checkpoint, (which) => which);
  const config = readAdapterConfig(join(adapterFolder, 'adapter_config.json'));
  const folder = exportFolder(asked.folder) ?? freeFolder(app, `${run.id}-step-${step}-${asked.format}`);
  return {
    step,
    folder,
    isTaken: existsSync(folder) && (!statSync(folder).isDirectory() || readdirSync(folder).length > 0),
    neededBytes: neededBytes(app, asked.format, asked.dtype, { adapterFolder, base: () => basePathOf(run) }),
    freeBytes: freeDiskSpace(folder),
    baseModel: config.base_model_name_or_path ?? String(run.recipe.model_name_or_path),
    rank: Math.max(config.r, ...Object.values(config.rank_pattern ?? {})),
    useDora: config.use_dora === true,
  };
}

/** The folder that a person typed, ~ being theirs; undefined where nothing was typed. */
export function exportFolder(typed: string): string | undefined {
  const path = typed.trim();
  if (path === '') return undefined;
  return resolve(homedir(), path.replace(/^~(?=$|[/\\])/, homedir()));
}

function freeFolder(app: App, name: string): string {
  for (let n = 1; ; n += 1) {
    const folder = join(app.home.folder, 'exports', n === 1 ? name : `${name}-${n}`);
    if (!existsSync(folder)) return folder;
  }
}

type Parts = { adapterFolder: string; base: () => string };

function neededBytes(app: App, format: ExportFormat, dtype: Asked['dtype'], { adapterFolder, base }: Parts) {
  if (format === 'peft') return statSync(join(adapterFolder, 'adapter_model.safetensors')).size;
  const { parameters, bytes } = inspectModel(app, base());
  if (dtype === 'auto') return bytes;
  return parameters === null ? null : parameters * weightBytes[dtype];
}
