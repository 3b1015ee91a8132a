// The bench's own side: Lorelei's training step on a checkpoint, on command, with the protocol of peer.py.
// Usage: node ours.ts --model FOLDER --memory fast|lean [--threads N] [--lora_r 16] [--rows LABELLED_ROWS]
// [--seq LONGEST] [--recompute true|false] [--four-bit nf4|fp4|int4 --cache FOLDER [--nested]]
import { readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import type { Batch } from '../../main/data/types.ts';
import { sftObjective } from '../../main/engine/losses/sft.ts';
import { openRuntime } from '../../main/engine/runtime/onnxruntime-node.ts';
import { loadModel } from '../../main/training/load-model.ts';
import { inFourBits } from '../../main/training/four-bit.ts';
import { headChunks, queryBlocks } from '../../main/training/step-cuts.ts';
import { Stepper } from '../../main/training/stepper.ts';

const { values } = parseArgs({
  options: {
    model: { type: 'string', default: '' },
    memory: { type: 'string', default: 'fast' },
    threads: { type: 'string', default: '2' },
    lora_r: { type: 'string', default: '16' },
    rows: { type: 'string', default: '512' },
    seq: { type: 'string', default: '256' },
    recompute: { type: 'string' },
    'four-bit': { type: 'string' },
    nested: { type: 'boolean', default: false },
    cache: { type: 'string', default: '' },
  },
});
const fourBitTypes = ['nf4', 'fp4', 'int4'] as const;
const memory = values.memory === 'lean' ? 'lean' : 'fast';
const fourBit = fourBitTypes.find((type) => type === values['four-bit']);
const { model, stored, weightsDir } = await inFourBits(
  loadModel(values.model),
  fourBit && { settings: { type: fourBit, nested: values.nested }, cacheDir: values.cache },
);
const rank = Number(values.lora_r);
const runtime = await openRuntime({ device: 'cpu', threads: Number(values.threads) });
const stepper = await Stepper.create(runtime, {
  model,
  step: {
    trained: {
      kind: 'lora',
      stored,
      lora: { rank, alpha: 2 * rank, useRslora: false, dropout: 0, targets: new Set(model.linears) },
    },
    objective: sftObjective('nll'),
    recompute: values.recompute === undefined ? memory === 'lean' : values.recompute === 'true',
    recomputeCheap: memory === 'lean' && values.recompute === 'false',
    neftuneAlpha: 0,
    headChunks: headChunks({ rows: Number(values.rows), vocabSize: model.vocabSize, memory }),
    queryBlocks: queryBlocks(Number(values.seq), memory),
    maxPositions: 2048,
  },
  optimizer: { optim: 'adamw_torch', beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, maxGradNorm: 1 },
  weightsDir,
  memory,
});
let state = 1;
for (const slot of stepper.layout.slots) {
  if (!slot.name.endsWith('.lora_A.weight')) continue;
  const bound = 1 / Math.sqrt(slot.shape[1] ?? 1);
  for (let i = 0; i < slot.size; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    stepper.parameters[slot.offset + i] = ((2 * state) / 2 ** 32 - 1) * bound;
  }
}

let batch: Batch | undefined;

type Command = { cmd: string; n?: number; input_ids?: number[][]; labels?: number[][] };

for await (const line of createInterface({ input: process.stdin })) {
  const answer = await obey(JSON.parse(line) as Command);
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}

await stepper.dispose();

async function obey(command: Command): Promise<object> {
  if (command.cmd === 'batch') {
    batch = toBatch(command.input_ids ?? [], command.labels ?? []);
    return {};
  }
  if (command.cmd === 'reset_peak') {
    writeFileSync('/proc/self/clear_refs', '5');
    return {};
  }
  if (!batch) throw new Error('step before batch');
  const times: number[] = [];
  let loss = 0;
  for (let i = 0; i < (command.n ?? 1); i++) {
    const started = performance.now();
    ({ loss } = await stepper.accumulate(batch, 1 / batch.labelIds.length, 0));
    await stepper.update(1e-3);
    times.push(performance.now() - started);
  }
  return { step_ms: times, loss, peak_rss_bytes: peakRssBytes() };
}

function peakRssBytes(): number {
  return 1024 * Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);
}

function toBatch(ids: number[][], labels: number[][]): Batch {
  const seq = ids[0]?.length ?? 0;
  const targets = labels.flatMap((row, r) =>
    row.flatMap((label, i) => (i > 0 && label !== -100 ? [{ row: r * seq + i - 1, label }] : [])),
  );
  return {
    batch: ids.length,
    seq,
    inputIds: Int32Array.from(ids.flat()),
    positionIds: Int32Array.from(ids.flatMap((row) => row.map((_, i) => i))),
    visibleUntil: new Int32Array(ids.length * seq).fill(seq),
    labelRows: Int32Array.from(targets, ({ row }) => row),
    labelIds: Int32Array.from(targets, ({ label }) => label),
    sequences: 1,
    membership: new Float32Array(targets.length).fill(1),
    tokenCount: ids.length * seq,
  };
}
