// Logits at every position, which training itself never computes: it needs them only where a label is.
import { tmpdir } from 'node:os';
import type { Batch } from '../../main/data/types.ts';
import { GraphBuilder } from '../../main/engine/graph/builder.ts';
import { multiplyDims, symbol } from '../../main/engine/graph/dims.ts';
import { toOnnx } from '../../main/engine/graph/onnx.ts';
import type { Tensor } from '../../main/engine/graph/tensor.ts';
import type { Model } from '../../main/engine/models/model.ts';
import { wholeVisibility } from '../../main/engine/nn/visibility.ts';
import { headLogits } from '../../main/engine/nn/head.ts';
import { linear } from '../../main/engine/nn/linear.ts';
import { type LoraSettings, withLora } from '../../main/engine/nn/lora.ts';
import { frozenWeights, type StoredWeight } from '../../main/engine/nn/weights.ts';
import { readFloat32, type Runtime, type RuntimeTensor } from '../../main/engine/runtime/runtime.ts';
import type { FrozenInputs } from '../../main/training/lora-values.ts';

export type LogitsOptions = {
  model: Model;
  stored: ReadonlyMap<string, StoredWeight>;
  weightsDir?: string;
  /** Settings of an adapter and its tensors by PEFT's names; the model alone when absent. */
  adapter?: {
    lora: LoraSettings;
    tensors: ReadonlyMap<string, Float32Array>;
    /** What the LoRA reads besides its parameters, see lora-values.ts. */
    frozenInputs?: FrozenInputs;
  };
};

type Positions = Pick<Batch, 'batch' | 'seq' | 'inputIds' | 'positionIds' | 'visibleUntil'>;

/** [batch * seq, vocab], padding included. */
export async function computeLogits(
  runtime: Runtime,
  options: LogitsOptions,
  positions: Positions,
): Promise<Float32Array> {
  const { model, stored, adapter } = options;
  const { batch, seq } = positions;
  const g = new GraphBuilder();
  const [rows, tokens] = [symbol('batch'), symbol('seq')];
  const index = g.input('token_index', 'int32', [tokens]);
  const weights = frozenWeights(g, stored);
  const plain = linear(g, weights);
  const context = {
    g,
    weights,
    linear: adapter ? withLora(g, weights, adapter.lora)(plain) : plain,
    embedded: (embeddings: Tensor) => embeddings,
    maxPositions: seq,
    layer: (_: string, x: Tensor, build: (x: Tensor) => Tensor) => build(x),
    keysAndValues: (_: number, keys: Tensor, values: Tensor) => ({ keys, values }),
  };
  const positionIds = g.input('position_ids', 'int64', [multiplyDims(rows, tokens), 1]);
  const places = g.cast(g.reshape(positionIds, [rows, tokens]), 'int32');
  const hidden = model.hiddenStates(context, {
    inputIds: g.input('input_ids', 'int32', [rows, tokens]),
    positionIds,
    positions: g.cast(places, 'float32'),
    visibility: wholeVisibility(g, {
      queryIndex: index,
      keyIndex: index,
      queryPositions: places,
      keyPositions: places,
      visibleUntil: g.input('visible_until', 'int32', [rows, tokens]),
    }),
  });
  const { logits } = headLogits(g, weights, model.head, model.finalNorm(context, hidden));

  const inputs = new Map<string, RuntimeTensor>([
    ['input_ids', runtime.tensor('int32', [batch, seq], positions.inputIds)],
    ['position_ids', runtime.tensor('int64', [batch * seq, 1], positions.positionIds)],
    ['visible_until', runtime.tensor('int32', [batch, seq], positions.visibleUntil)],
    [
      'token_index',
      runtime.tensor(
        'int32',
        [seq],
        Int32Array.from({ length: seq }, (_, i) => i),
      ),
    ],
  ]);
  for (const [name, { shape, data }] of adapter?.frozenInputs ?? [])
    inputs.set(name, runtime.tensor('float32', shape, data));
  for (const { name, shape } of g.parameters) {
    const key = `base_model.model.${name}`;
    const values = adapter?.tensors.get(key);
    if (!values) throw new Error(`the adapter has no ${key}`);
    inputs.set(name, runtime.tensor('float32', shape.map(Number), values));
  }
  const graph = toOnnx(g.finish('logits', [{ name: 'logits', tensor: logits }]));
  const session = await runtime.createSession(graph, { weightsDir: options.weightsDir ?? tmpdir(), memory: 'fast' });
  const result = await readFloat32(runtime, (await session.run(inputs)).get('logits'));
  await session.dispose();
  return result;
}
