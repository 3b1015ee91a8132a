// What a base model in four bits saves and costs: peak memory and step time of training at SmolLM2-135M's shape beside
// float32, with all else equal, interleaved; then the shapes of SmolLM2-360M and 1.7B, which start from bfloat16 files.
// `npm run bench:4bit`. BENCH_ROUNDS: steps of each; BENCH_SHAPES: which of 135M, 360M and 1.7B; BENCH_FOLDER: keeps the
// random checkpoints; BENCH_BATCH, BENCH_SEQ: rows and their tokens at 135M.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { builtSide, median, randomBatch, startOurs, type StepAnswer, type Worker } from './worker.ts';
import { type LlamaShape, smolLm135M, smolLm1B7, smolLm360M, writeRandomCheckpoint } from './write-checkpoint.ts';

type Side = { name: string; memory: 'fast' | 'lean'; recompute: boolean; words: string[] };
type Measured = { side: Side; readyMs: number; stepMs: number[]; loss: number; peakBytes: number };

const threads = Number(process.env.BENCH_THREADS ?? cpus().length);
const rounds = Number(process.env.BENCH_ROUNDS ?? 5);
const wanted = (process.env.BENCH_SHAPES ?? '135M,360M,1.7B').split(',');
const work = mkdtempSync(join(tmpdir(), 'lorelei-bench-'));
const checkpoints = process.env.BENCH_FOLDER ?? work;

const float32: Side[] = [
  { name: 'float32', memory: 'fast', recompute: false, words: [] },
  { name: 'float32, recomputing', memory: 'lean', recompute: true, words: [] },
];
// load_in_4bit alone is lean as well: see memoryOf of the recipe.
const nf4: Side = { name: 'NF4', memory: 'lean', recompute: false, words: ['--four-bit', 'nf4'] };
const recomputing: Side[] = [
  { name: 'NF4, recomputing', memory: 'lean', recompute: true, words: ['--four-bit', 'nf4'] },
  { name: 'NF4 nested, recomputing', memory: 'lean', recompute: true, words: ['--four-bit', 'nf4', '--nested'] },
  { name: 'int4, recomputing', memory: 'lean', recompute: true, words: ['--four-bit', 'int4'] },
];

function checkpoint(name: string, shape: LlamaShape, dtype: 'F32' | 'BF16'): string {
  const folder = join(checkpoints, `${name}-${dtype}`);
  if (!existsSync(join(folder, 'config.json'))) writeRandomCheckpoint(folder, shape, dtype);
  return folder;
}

/** Each side takes its steps in turn, so that what else the machine does falls on all alike. */
async function measure(
  ours: string,
  model: string,
  { batch, seq, vocab }: { batch: number; seq: number; vocab: number },
  sides: readonly Side[],
): Promise<Measured[]> {
  const opened: { worker: Worker; measured: Measured }[] = [];
  for (const side of sides) {
    const started = performance.now();
    const worker = startOurs(side.name, ours, side.memory, [
      ...['--model', model, '--cache', join(work, 'cache'), '--threads', String(threads)],
      ...['--rows', String(batch * seq), '--seq', String(seq), '--recompute', String(side.recompute), ...side.words],
    ]);
    await worker.ask({ cmd: 'batch', ...randomBatch({ batch, seq, labelled: 1, vocab }) });
    const readyMs = performance.now() - started;
    opened.push({ worker, measured: { side, readyMs, stepMs: [], loss: Number.NaN, peakBytes: 0 } });
  }
  for (let round = 0; round <= rounds; round++) {
    for (const { worker, measured } of opened) {
      await setTimeout(300); // threads of the one before spin on for a while
      const { step_ms, loss, peak_rss_bytes } = await worker.ask<StepAnswer>({ cmd: 'step', n: 1 });
      measured.loss = loss;
      measured.peakBytes = Math.max(measured.peakBytes, peak_rss_bytes);
      if (round > 0) measured.stepMs.push(...step_ms); // the first step warms up
    }
  }
  for (const { worker } of opened) worker.close();
  return opened.map(({ measured }) => measured);
}

function print(title: string, rows: readonly Measured[]): void {
  console.log(`\n${title}, ${threads} threads, ${rounds} steps, LoRA r 16 on all linear layers, AdamW\n`);
  console.log('| base model | ready after | step | time ratio | peak RSS | memory ratios | loss at the end |');
  console.log('|---|---|---|---|---|---|---|');
  const [base] = rows;
  for (const { side, readyMs, stepMs, loss, peakBytes } of rows) {
    const ratio = median(stepMs.map((ms, i) => ms / (base?.stepMs[i] ?? Number.NaN)));
    const like = rows.find((row) => row.side.words.length === 0 && row.side.recompute === side.recompute);
    const ratios = [base, like].map((row) => (peakBytes / (row?.peakBytes ?? Number.NaN)).toFixed(2));
    const cells = [
      side.name,
      `${(readyMs / 1000).toFixed(1)} s`,
      `${(median(stepMs) / 1000).toFixed(2)} s`,
      ratio.toFixed(2),
      `${(peakBytes / 1e6).toFixed(0)} MB`,
      like === undefined ? ratios[0] : `${ratios[0]} of the first, ${ratios[1]} of its like`,
      loss.toFixed(4),
    ];
    console.log(`| ${cells.join(' | ')} |`);
  }
}

try {
  const ours = await builtSide();
  const vocab = smolLm135M.vocab_size;
  if (wanted.includes('135M')) {
    const rows = { batch: Number(process.env.BENCH_BATCH ?? 2), seq: Number(process.env.BENCH_SEQ ?? 256), vocab };
    const sides = [...float32, nf4, ...recomputing];
    const title = `SmolLM2-135M's shape from float32, ${rows.batch} x ${rows.seq}`;
    print(title, await measure(ours, checkpoint('135M', smolLm135M, 'F32'), rows, sides));
  }
  for (const [name, shape] of [
    ['360M', smolLm360M],
    ['1.7B', smolLm1B7],
  ] as const) {
    if (!wanted.includes(name)) continue;
    const model = checkpoint(name, shape, 'BF16');
    const sides = recomputing.slice(0, 2);
    print(
      `SmolLM2-${name}'s shape from bfloat16, 1 x 256`,
      await measure(ours, model, { batch: 1, seq: 256, vocab }, sides),
    );
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
