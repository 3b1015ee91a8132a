// The graph that continues a text: new tokens attend to cached keys and values, only the last position reaches the
// head. One graph serves the prompt (many tokens, empty cache) and every token after it.
import { GraphBuilder } from '../engine/graph/builder.ts';
import { addDims, multiplyDims, symbol } from '../engine/graph/dims.ts';
import { type CompiledGraph, toOnnx } from '../engine/graph/onnx.ts';
import type { Tensor } from '../engine/graph/tensor.ts';
import type { Model } from '../engine/models/model.ts';
import { headLogits } from '../engine/nn/head.ts';
import { linear } from '../engine/nn/linear.ts';
import { type LoraSettings, withLora } from '../engine/nn/lora.ts';
import { wholeVisibility } from '../engine/nn/visibility.ts';
import { frozenWeights, type StoredWeight } from '../engine/nn/weights.ts';

export const decoderInputs = {
  inputIds: 'input_ids', // int32 [batch, seq]
  positionIds: 'position_ids', // int64 [batch * seq, 1]
  queryIndex: 'query_index', // int32 [seq], past + 0 1 2 ...
  keyIndex: 'key_index', // int32 [past + seq], 0 1 2 ...
  visibleUntil: 'visible_until', // int32 [batch, past + seq]
  lastRows: 'last_rows', // int32 [batch], flat index of the position whose logits are wanted
} as const;
export const logitsOutput = 'logits'; // float32 [batch, vocab]

/** Names of a layer's cache, float32 [batch, kvHeads, past, headDim], before and after a run. */
export function cacheName(part: 'keys' | 'values', layer: number): { before: string; after: string } {
  return { before: `${part}_before.${layer}`, after: `${part}.${layer}` };
}

/**
 * Logits of the next token. LoRA tensors are inputs, so that one session can answer with and without an adapter; of
 * DoRA's they are A, B and the factors of the rows, see adapter-inputs.ts.
 */
export function buildDecoder(
  model: Model,
  stored: ReadonlyMap<string, StoredWeight>,
  lora: LoraSettings | undefined,
  maxPositions: number,
): { graph: CompiledGraph; parameters: readonly { name: string; shape: readonly number[] }[] } {
  const g = new GraphBuilder();
  const [batch, seq, past] = [symbol('batch'), symbol('seq'), symbol('past')];
  const keys = addDims(past, seq);
  const cacheShape = [batch, model.kvHeads, past, model.headDim];
  const cached: { name: string; tensor: Tensor }[] = [];
  const extend = (part: 'keys' | 'values', layer: number, fresh: Tensor): Tensor => {
    const names = cacheName(part, layer);
    const tensor = g.concat([g.input(names.before, 'float32', cacheShape), fresh], 2);
    cached.push({ name: names.after, tensor });
    return tensor;
  };
  const weights = frozenWeights(g, stored);
  const plain = linear(g, weights);
  const context = {
    g,
    weights,
    linear: lora ? withLora(g, weights, { ...lora, dropout: 0 }, { fixedRowFactors: true })(plain) : plain,
    embedded: (embeddings: Tensor) => embeddings,
    maxPositions,
    layer: (name: string, x: Tensor, build: (x: Tensor) => Tensor) => g.scope(name, () => build(x)),
    keysAndValues: (layer: number, freshKeys: Tensor, freshValues: Tensor) => ({
      keys: extend('keys', layer, freshKeys),
      values: extend('values', layer, freshValues),
    }),
  };
  const inputIds = g.input(decoderInputs.inputIds, 'int32', [batch, seq]);
  const positionIds = g.input(decoderInputs.positionIds, 'int64', [multiplyDims(batch, seq), 1]);
  const queryIndex = g.input(decoderInputs.queryIndex, 'int32', [seq]);
  const keyIndex = g.input(decoderInputs.keyIndex, 'int32', [keys]);
  const visibleUntil = g.input(decoderInputs.visibleUntil, 'int32', [batch, keys]);
  const hidden = model.hiddenStates(context, {
    inputIds,
    positionIds,
    positions: g.reshape(g.cast(positionIds, 'float32'), [batch, seq]),
    // One text without padding: a token's place in the row is its position.
    visibility: wholeVisibility(g, {
      queryIndex,
      keyIndex,
      queryPositions: queryIndex,
      keyPositions: keyIndex,
      visibleUntil,
    }),
  });
  const last = g.gather(hidden, g.input(decoderInputs.lastRows, 'int32', [batch]));
  const { logits } = headLogits(g, weights, model.head, model.finalNorm(context, last));
  const graph = toOnnx(g.finish('decoder', [...cached, { name: logitsOutput, tensor: logits }]));
  return { graph, parameters: g.parameters.map(({ name, shape }) => ({ name, shape: shape.map(Number) })) };
}
