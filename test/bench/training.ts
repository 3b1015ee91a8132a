// Step time, tokens per second, peak memory and share of the matrix-multiply peak of Lorelei's training step, fast and
// lean, beside torch + PEFT doing the same work. Steps are interleaved, so that whatever else the machine does falls on
// all alike. `npm run bench`; PEER_PYTHON names a Python with torch and PEFT, without it only our side is measured.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { builtSide, median, randomBatch, startOurs, startWorker, type StepAnswer, type Worker } from './worker.ts';
import { smolLm135M, writeRandomCheckpoint } from './write-checkpoint.ts';

const here = import.meta.dirname;
const threads = Number(process.env.BENCH_THREADS ?? cpus().length);
const rounds = Number(process.env.BENCH_ROUNDS ?? 5);
const python = process.env.PEER_PYTHON;
const work = mkdtempSync(join(tmpdir(), 'lorelei-bench-'));
const settings = [
  { batch: 2, seq: 256, labelled: 1 },
  { batch: 2, seq: 256, labelled: 0.3 },
  { batch: 1, seq: 1024, labelled: 1 },
].filter((_, i) => (process.env.BENCH_CASES ?? '012').includes(String(i)));

/** Floating-point operations that one step cannot do without, LoRA's own (under 4 %) left out. */
function necessaryFlops({ batch, seq, labelled }: (typeof settings)[number]): number {
  const { hidden_size: h, intermediate_size: f, num_hidden_layers: layers, vocab_size: vocab } = smolLm135M;
  const headDim = smolLm135M.head_dim;
  const q = smolLm135M.num_attention_heads * headDim;
  const kv = smolLm135M.num_key_value_heads * headDim;
  const tokens = batch * seq;
  const linear = h * q * 2 + h * kv * 2 + 3 * h * f;
  // Forward and the gradient of the input; the first layer's q, k and v need none of the latter.
  const layersFlops = layers * 4 * linear * tokens - 2 * tokens * h * (q + 2 * kv);
  // Causal: half of the scores count; two products forward, four backward.
  const attention = layers * 6 * 2 * batch * smolLm135M.num_attention_heads * headDim * ((seq * (seq + 1)) / 2);
  return layersFlops + attention + 4 * h * vocab * tokens * labelled;
}

async function measure(setting: (typeof settings)[number], model: string, ours: string): Promise<string[]> {
  const rows = String(Math.ceil(setting.batch * setting.seq * setting.labelled));
  const side = (memory: 'fast' | 'lean'): Worker =>
    startOurs(memory, ours, memory, [
      '--model',
      model,
      '--threads',
      String(threads),
      '--rows',
      rows,
      '--seq',
      String(setting.seq),
    ]);
  const workers = [side('fast'), side('lean')];
  if (python !== undefined)
    workers.push(
      startWorker('torch + PEFT', python, [join(here, 'peer.py'), '--model', model, '--threads', String(threads)], {
        hasGreeting: true,
      }),
    );
  const times = new Map<string, number[]>(workers.map(({ name }) => [name, []]));
  const peaks = new Map<string, number>();
  let peakGflops = 0;
  for (const worker of workers) {
    await worker.ask({ cmd: 'batch', ...randomBatch({ ...setting, vocab: smolLm135M.vocab_size }) });
    await worker.ask({ cmd: 'step', n: 1 }); // warm up
  }
  for (let round = 0; round < rounds; round++) {
    for (const worker of workers) {
      await setTimeout(1000); // threads of the one before spin on for a while
      const { step_ms, peak_rss_bytes } = await worker.ask<StepAnswer>({ cmd: 'step', n: 1 });
      times.get(worker.name)?.push(...step_ms);
      peaks.set(worker.name, Math.max(peaks.get(worker.name) ?? 0, peak_rss_bytes));
      if (worker.name === 'torch + PEFT') {
        const shapes = [
          [512, 576, 1536],
          [1024, 1536, 576],
          [2048, 2048, 2048],
        ];
        const { gflops } = await worker.ask<{ gflops: number[] }>({ cmd: 'matmul', shapes, seconds: 0.5 });
        peakGflops = Math.max(peakGflops, ...gflops);
      }
    }
  }
  for (const worker of workers) worker.close();
  const base = python === undefined ? 'fast' : 'torch + PEFT';
  const title = `${setting.batch} x ${setting.seq}, ${setting.labelled === 1 ? 'all' : `${setting.labelled * 100} %`} labelled`;
  return workers.map(({ name }) => {
    const ms = median(times.get(name) ?? []);
    const ratios = (times.get(name) ?? []).map((time, i) => time / (times.get(base)?.[i] ?? Number.NaN));
    const gigabytes = (peaks.get(name) ?? 0) / 1e9;
    const share = necessaryFlops(setting) / (ms / 1000) / (peakGflops * 1e9);
    const cells = [
      title,
      name,
      `${(ms / 1000).toFixed(2)} s`,
      median(ratios).toFixed(2),
      String(Math.round((setting.batch * setting.seq) / (ms / 1000))),
      `${gigabytes.toFixed(2)} GB`,
      (gigabytes / ((peaks.get(base) ?? 0) / 1e9)).toFixed(2),
      peakGflops === 0 ? '–' : `${Math.round(100 * share)} %`,
    ];
    return `| ${cells.join(' | ')} |`;
  });
}

try {
  const model = process.env.BENCH_MODEL ?? join(work, 'model');
  if (!existsSync(join(model, 'config.json'))) writeRandomCheckpoint(model, smolLm135M);
  const ours = await builtSide();
  const table = [
    '| batch | side | step | time ratio | tokens/s | peak RSS | memory ratio | share of matmul peak |',
    '|---|---|---|---|---|---|---|---|',
  ];
  for (const setting of settings) {
    table.push(...(await measure(setting, model, ours)));
    console.log(table.at(-1));
  }
  console.log(
    `\nSmolLM2-135M's shape, random weights, LoRA r 16 on all linear layers, fp32, ${threads} threads, ${rounds} rounds\n`,
  );
  console.log(table.join('\n'));
  if (process.env.BENCH_OUT !== undefined) writeFileSync(process.env.BENCH_OUT, `${table.join('\n')}\n`);
  if (python === undefined)
    console.log('\nSet PEER_PYTHON to a Python with torch and PEFT to compare (npm run parity makes one).');
} finally {
  rmSync(work, { recursive: true, force: true });
}
