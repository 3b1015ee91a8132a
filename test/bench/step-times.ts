// What makes a step slower that needs less memory, at SmolLM2-135M's shape: times of single steps of several sizes in each
// mode, one after the other in turn; the quickest of each, for what else the machine does only makes them slower. What the estimate says of times (main/training/step-cost.ts) comes from here.
// `node test/bench/step-times.ts`. BENCH_ROUNDS: how often each is timed; BENCH_FOLDER: keeps the random checkpoint.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { modelFor } from '../../main/engine/models/registry.ts';
import { stepOperations } from '../../main/training/step-cost.ts';
import { builtSide, randomBatch, startOurs, type StepAnswer, type Worker } from './worker.ts';
import { smolLm135M, writeRandomCheckpoint } from './write-checkpoint.ts';

type Mode = { name: string; memory: 'fast' | 'lean'; recompute: boolean; words: string[] };

const rounds = Number(process.env.BENCH_ROUNDS ?? 4);
const work = mkdtempSync(join(tmpdir(), 'lorelei-bench-'));
const folder = join(process.env.BENCH_FOLDER ?? work, '135M-F32');
const LONGEST = 256;
const modes: Mode[] = [
  { name: 'all kept', memory: 'fast', recompute: false, words: [] },
  { name: 'recomputing', memory: 'lean', recompute: true, words: [] },
  { name: '4 bits', memory: 'lean', recompute: false, words: ['--four-bit', 'nf4'] },
  { name: '4 bits, recomputing', memory: 'lean', recompute: true, words: ['--four-bit', 'nf4'] },
];
const batches = [
  { batch: 1, seq: 64 },
  { batch: 1, seq: 128 },
  { batch: 1, seq: 256 },
  { batch: 2, seq: 256 },
  { batch: 4, seq: 256 },
];
const model = modelFor(smolLm135M);

try {
  const ours = await builtSide();
  if (!existsSync(join(folder, 'config.json'))) writeRandomCheckpoint(folder, smolLm135M);
  const workers = modes.map((mode): Worker =>
    startOurs(mode.name, ours, mode.memory, [
      ...['--model', folder, '--cache', join(work, 'cache'), '--threads', String(cpus().length)],
      ...['--rows', String(4 * LONGEST), '--seq', String(LONGEST), '--recompute', String(mode.recompute)],
      ...mode.words,
    ]),
  );
  const times = new Map<string, number[]>();
  for (let round = 0; round <= rounds; round++)
    for (const worker of workers)
      for (const { batch, seq } of batches) {
        await worker.ask({ cmd: 'batch', ...randomBatch({ batch, seq, labelled: 1, vocab: smolLm135M.vocab_size }) });
        await setTimeout(200); // threads of the one before spin on for a while
        const { step_ms: found } = await worker.ask<StepAnswer>({ cmd: 'step', n: 1 });
        const key = `${worker.name} ${batch}x${seq}`;
        // The first round warms up.
        if (round > 0) times.set(key, [...(times.get(key) ?? []), ...found]);
      }
  console.log('| mode | batch | ms | ms for a token | ms for 10^9 operations |');
  console.log('|---|---|---|---|---|');
  for (const { name } of modes)
    for (const { batch, seq } of batches) {
      const ms = Math.min(...(times.get(`${name} ${batch}x${seq}`) ?? []));
      const tokens = batch * seq;
      const operations = stepOperations({
        model,
        rank: 16,
        targets: model.linears,
        rows: batch,
        length: seq,
        labels: tokens,
      });
      console.log(
        `| ${name} | ${batch} x ${seq} | ${ms.toFixed(0)} | ${(ms / tokens).toFixed(2)} | ${((1e9 * ms) / operations).toFixed(2)} |`,
      );
    }
  for (const worker of workers) worker.close();
} finally {
  rmSync(work, { recursive: true, force: true });
}
