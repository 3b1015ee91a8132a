// What computing common beginnings once saves: step time and peak memory of a batch laid out with shared prefixes and
// with a row for each text, interleaved. `npm run bench:prefixes`; BENCH_MODEL names a checkpoint of SmolLM2-135M's shape.
import { fork } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { layOut, type ForestRow } from '../../main/data/forest.ts';
import type { Batch } from '../../main/data/types.ts';
import { dpoObjective, pairInputs } from '../../main/engine/losses/dpo-objective.ts';
import { sftObjective } from '../../main/engine/losses/sft.ts';
import { openRuntime } from '../../main/engine/runtime/onnxruntime-node.ts';
import { loadModel } from '../../main/training/load-model.ts';
import { headChunks, queryBlocks } from '../../main/training/step-cuts.ts';
import { Stepper } from '../../main/training/stepper.ts';
import { smolLm135M, writeRandomCheckpoint } from './write-checkpoint.ts';

const cases = {
  'SFT, 8 rows of 100 tokens behind a shared prompt of 400': {
    prompts: 1,
    prompt: 400,
    answers: 8,
    answer: 100,
    dpo: false,
  },
  'DPO, 2 pairs, prompts of 300 tokens, answers of 100': {
    prompts: 2,
    prompt: 300,
    answers: 2,
    answer: 100,
    dpo: true,
  },
};
type CaseName = keyof typeof cases;

/** Every prompt with its answers: in one row of the batch, or each answer in a row with a copy of its prompt. */
function batchOf({ prompts, prompt, answers, answer, dpo }: (typeof cases)[CaseName], shared: boolean): Batch {
  let state = 7;
  const tokens = (length: number): number[] =>
    Array.from({ length }, () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state % smolLm135M.vocab_size;
    });
  const bins = Array.from({ length: prompts }, (_, p) => {
    const start = tokens(prompt);
    return Array.from({ length: answers }, (_, a): ForestRow => {
      const inputIds = Int32Array.from([...start, ...tokens(answer)]);
      const trained = new Uint8Array(inputIds.length).fill(1, prompt);
      return { inputIds, trained, sequence: dpo ? a * prompts + p : 0 };
    });
  });
  const rows = shared ? bins : bins.flat().map((row) => [row]);
  const batch = layOut(rows, { sequences: dpo ? 2 * prompts : 1, sharePrefixes: shared });
  const vector = (value: number) => ({ dims: [prompts], data: new Float32Array(prompts).fill(value) });
  return {
    ...batch,
    extra: new Map(
      dpo
        ? [
            [pairInputs.refChosen, vector(-1000)],
            [pairInputs.refRejected, vector(-1000)],
            [pairInputs.chosenLength, vector(answer)],
            [pairInputs.rejectedLength, vector(answer)],
          ]
        : [],
    ),
  };
}

const dpoSettings = {
  lossTypes: ['sigmoid'] as const,
  lossWeights: [1],
  beta: 0.1,
  labelSmoothing: 0,
  fDivergenceType: 'reverse_kl' as const,
  fAlphaDivergenceCoef: 1,
  discopopTau: 0.05,
};

/** One side, in a process of its own: a step for every message. */
async function serve(modelFolder: string, name: CaseName, shared: boolean): Promise<void> {
  const { model, stored, weightsDir } = loadModel(modelFolder);
  const chosen = cases[name];
  const batch = batchOf(chosen, shared);
  const runtime = await openRuntime({ device: 'cpu', threads: Number(process.env.BENCH_THREADS ?? cpus().length) });
  const stepper = await Stepper.create(runtime, {
    model,
    step: {
      trained: {
        kind: 'lora',
        stored,
        lora: { rank: 16, alpha: 32, useRslora: false, dropout: 0, targets: new Set(model.linears) },
      },
      objective: chosen.dpo ? dpoObjective(dpoSettings, { discounts: false, weighted: false }) : sftObjective('nll'),
      recompute: false,
      headChunks: headChunks({ rows: batch.labelRows.length, vocabSize: model.vocabSize, memory: 'fast' }),
      neftuneAlpha: 0,
      queryBlocks: queryBlocks(batch.seq, 'fast'),
      maxPositions: chosen.prompt + chosen.answer,
    },
    optimizer: { optim: 'adamw_torch', beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, maxGradNorm: 1 },
    weightsDir,
    memory: 'fast',
  });
  stepper.parameters.forEach((_, i) => (stepper.parameters[i] = ((i * 7919) % 1000) / 1e5));
  process.on('message', () => {
    void (async () => {
      const started = performance.now();
      const { loss } = await stepper.accumulate(batch, 1 / batch.labelRows.length, 0);
      await stepper.update(0);
      const ms = performance.now() - started;
      const peakKb = Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);
      process.send?.({ ms, loss, peak: peakKb * 1024 });
    })();
  });
  process.send?.('ready');
}

type Answer = { ms: number; loss: number; peak: number };

async function compare(modelFolder: string, name: CaseName): Promise<void> {
  const sides = [true, false].map((shared) => fork(import.meta.filename, [modelFolder, name, String(shared)]));
  const next = <T>(side: (typeof sides)[number]): Promise<T> =>
    new Promise((resolve) => side.once('message', (message) => resolve(message as T)));
  for (const side of sides) await next(side);
  const found: Answer[][] = [[], []];
  for (let round = 0; round < Number(process.env.BENCH_ROUNDS ?? 5) + 1; round++)
    for (const [i, side] of sides.entries()) {
      side.send('step');
      const answer = await next<Answer>(side);
      if (round > 0) found[i]?.push(answer); // the first warms up
    }
  for (const side of sides) side.kill();
  const middle = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
  const [shared = [], apart = []] = found;
  const ratio = middle(shared.map(({ ms }, i) => ms / (apart[i]?.ms ?? Number.NaN)));
  const peak = (answers: Answer[]): number => Math.max(...answers.map((answer) => answer.peak));
  const loss = Math.abs((shared[0]?.loss ?? 0) - (apart[0]?.loss ?? 1)) / Math.abs(apart[0]?.loss ?? 1);
  const cells = [
    name,
    `${(middle(shared.map(({ ms }) => ms)) / 1000).toFixed(2)} s`,
    `${(middle(apart.map(({ ms }) => ms)) / 1000).toFixed(2)} s`,
    ratio.toFixed(2),
    (peak(shared) / peak(apart)).toFixed(2),
    loss.toExponential(0),
  ];
  console.log(`| ${cells.join(' | ')} |`);
}

const [modelFolder, name, shared] = process.argv.slice(2);
if (modelFolder !== undefined && name !== undefined) {
  await serve(modelFolder, name as CaseName, shared === 'true');
} else {
  const work = mkdtempSync(join(tmpdir(), 'lorelei-bench-'));
  const model = process.env.BENCH_MODEL ?? join(work, 'model');
  if (!existsSync(join(model, 'config.json'))) writeRandomCheckpoint(model, smolLm135M);
  console.log('| batch | shared | apart | time ratio | memory ratio | losses differ by |\n|---|---|---|---|---|---|');
  for (const name of Object.keys(cases) as CaseName[]) await compare(model, name);
  rmSync(work, { recursive: true, force: true });
}
