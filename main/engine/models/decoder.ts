// The decoder that all these families are: embeddings, layers of attention and a gated MLP, a norm, a head. What a
// family does in its own way its file says, in the words of decoder-shape.ts.
import { type Dim, multiplyDims } from '../graph/dims.ts';
import type { Tensor } from '../graph/tensor.ts';
import { attention, splitHeads } from '../nn/attention.ts';
import { gatedMlp } from '../nn/gated-mlp.ts';
import { rmsNorm } from '../nn/rms-norm.ts';
import { type RopeTables, ropeTables, rotate } from '../nn/rope.ts';
import { type RopeSettings, switchOf } from '../nn/rope-frequencies.ts';
import type { QueryBlock } from '../nn/visibility.ts';
import { type DecoderShape, embeddingName, type LayerKind, tensorsOf } from './decoder-shape.ts';
import type { BuildContext, Model, ModelInputs } from './model.ts';

export function decoder(shape: DecoderShape): Model {
  const { config, heads, layers } = shape;
  const { headWeight, ...tensors } = tensorsOf(shape);
  const switches = layers.flatMap(({ rope }) => (rope ? [switchOf(rope)] : []));
  return {
    modelType: shape.modelType,
    vocabSize: config.vocab_size,
    layers: layers.length,
    hiddenSize: config.hidden_size,
    ...heads,
    maxPositions: config.max_position_embeddings,
    ropeSwitch: switches.find((at) => at !== undefined),
    ...tensors,
    defaultLoraTargets: shape.defaultLoraTargets,
    isTied: headWeight === embeddingName,
    head: { weight: headWeight, softcap: shape.logitSoftcap },
    hiddenStates: (context, inputs) => {
      const [batch = 1, seq = 1] = inputs.inputIds.shape;
      const sights = sightsOf(context, inputs, layers);
      const looked = embeddings(context, shape, inputs.inputIds);
      let x = context.g.reshape(looked, [multiplyDims(batch, seq), config.hidden_size]);
      for (const [i, sight] of sights.entries()) {
        const name = `model.layers.${i}`;
        x = context.layer(name, x, (x) => decoderLayer({ context, shape, index: i, name, sight, batch, seq }, x));
      }
      return x;
    },
    finalNorm: ({ g, weights }, rows) =>
      g.scale(
        g.scope('model.norm', () => norm({ g, weights }, shape, 'model.norm', rows)),
        shape.logitScale,
      ),
  };
}

/** What a layer sees: the blocks of its window, and the tables by which its queries and keys turn. */
type Sight = { blocks: readonly QueryBlock[]; rope: RopeTables | undefined };

/** Layers of the same kind share theirs. A window that no row of the graph exceeds is none. */
function sightsOf(
  { g, maxPositions }: BuildContext,
  { positionIds, positions, visibility }: ModelInputs,
  layers: readonly LayerKind[],
): Sight[] {
  const tables = new Map<RopeSettings, RopeTables>();
  return layers.map(({ window = Infinity, rope }) => {
    const known = rope && (tables.get(rope) ?? ropeTables(g, rope, { positionIds, positions, maxPositions }));
    if (rope && known) tables.set(rope, known);
    return { blocks: visibility(window < maxPositions ? window : undefined), rope: known };
  });
}

/** [batch, seq, hidden] */
function embeddings(context: BuildContext, { embeddingScale }: DecoderShape, ids: Tensor): Tensor {
  const { g, weights } = context;
  const { factor, isInLayer } = embeddingScale;
  const rows = weights.rows(embeddingName, ids);
  return isInLayer ? context.embedded(g.scale(rows, factor)) : g.scale(context.embedded(rows), factor);
}

type Place = {
  context: BuildContext;
  shape: DecoderShape;
  index: number;
  /** Of the layer in the checkpoint. */
  name: string;
  sight: Sight;
  batch: Dim;
  seq: Dim;
};

/** x [tokens, hidden] -> [tokens, hidden] */
function decoderLayer(place: Place, x: Tensor): Tensor {
  const { context, shape, name } = place;
  const { g, linear } = context;
  const { beforeAttention, afterAttention, beforeMlp, afterMlp } = shape.norms;
  const normed = (part: string | undefined, x: Tensor): Tensor =>
    part === undefined ? x : g.scope(part, () => norm(context, shape, `${name}.${part}`, x));
  const plus = (x: Tensor, change: Tensor): Tensor => g.add(x, g.scale(change, shape.residualScale));
  const attended = plus(x, normed(afterAttention, selfAttention(place, normed(beforeAttention, x))));
  const before = normed(beforeMlp, attended);
  const changed = g.scope('mlp', () => gatedMlp(g, linear, `${name}.mlp`, before, shape.mlp));
  return plus(attended, normed(afterMlp, changed));
}

function selfAttention(place: Place, x: Tensor): Tensor {
  const { context, shape, index, sight, batch, seq } = place;
  const { g, linear } = context;
  const { heads, kvHeads, headDim } = shape.heads;
  const name = `${place.name}.self_attn`;
  const rows = (y: Tensor, count: number): Tensor => g.reshape(y, [batch, seq, count * headDim]);
  const turned = (part: 'q' | 'k', y: Tensor, count: number): Tensor => {
    const normed = queryKeyNorm(place, `${name}.${part}_norm`, y);
    return rows(sight.rope ? rotate(g, normed, sight.rope, count) : normed, count);
  };
  return g.scope('self_attn', () => {
    const projected = projections(place, name, x);
    const q = turned('q', projected.q(), heads);
    const k = turned('k', projected.k(), kvHeads);
    const v = rows(projected.v(), kvHeads);
    const { keys, values } = context.keysAndValues(
      index,
      splitHeads(g, k, kvHeads, headDim),
      splitHeads(g, v, kvHeads, headDim),
    );
    const mixed = attention(g, q, keys, values, sight.blocks, { ...shape.heads, ...shape.attention });
    return linear(`${name}.o_proj`, mixed);
  });
}

/** Queries, keys and values [tokens, heads * headDim], made when asked for. */
function projections({ context, shape }: Place, name: string, x: Tensor): Record<'q' | 'k' | 'v', () => Tensor> {
  const { g, linear } = context;
  if (!shape.attention.isFused) {
    const part = (which: string) => (): Tensor => linear(`${name}.${which}_proj`, x);
    return { q: part('q'), k: part('k'), v: part('v') };
  }
  const { heads, kvHeads, headDim } = shape.heads;
  const all = linear(`${name}.qkv_proj`, x);
  const [queries, keys] = [heads * headDim, kvHeads * headDim];
  return {
    q: () => g.slice(all, 1, 0, queries),
    k: () => g.slice(all, 1, queries, queries + keys),
    v: () => g.slice(all, 1, queries + keys, queries + 2 * keys),
  };
}

/** x [tokens, width], normed as the family does it. */
function queryKeyNorm({ context, shape }: Place, name: string, x: Tensor): Tensor {
  const { g } = context;
  if (shape.attention.queryKeyNorm === undefined) return x;
  if (shape.attention.queryKeyNorm === 'whole') return norm(context, shape, name, x);
  const { headDim } = shape.heads;
  const [tokens = 1, width = 1] = x.shape;
  const apart = g.reshape(x, [multiplyDims(tokens, Number(width) / headDim), headDim]);
  return g.reshape(norm(context, shape, name, apart), x.shape);
}

function norm(
  { g, weights }: Pick<BuildContext, 'g' | 'weights'>,
  { config, normOffset }: DecoderShape,
  name: string,
  x: Tensor,
): Tensor {
  const weight = weights.get(`${name}.weight`);
  return rmsNorm(g, x, normOffset === 0 ? weight : g.add(weight, g.scalar(normOffset)), config.rms_norm_eps);
}
