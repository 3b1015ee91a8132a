// Llama 2 and 3 (Touvron et al. 2023, arXiv:2307.09288; Grattafiori et al. 2024, arXiv:2407.21783) and everything
// that says model_type "llama": config -> layer -> model.
import { type Dim, multiplyDims } from '../graph/dims.ts';
import type { Tensor } from '../graph/tensor.ts';
import { attention, type Heads, splitHeads } from '../nn/attention.ts';
import { rmsNorm } from '../nn/rms-norm.ts';
import { ropeTables, rotate } from '../nn/rope.ts';
import { swiglu } from '../nn/swiglu.ts';
import { decoderConfig, parseConfig, requireMultiple, requireSilu, ropeSettings } from './config.ts';
import type { BuildContext, Model, ModelInputs } from './model.ts';

type Sizes = Heads & { epsilon: number; hidden: number };

export function llama(rawConfig: Record<string, unknown>): Model {
  const config = parseConfig(decoderConfig, rawConfig);
  requireSilu(config);
  if (!config.head_dim) requireMultiple(config, 'hidden_size', 'num_attention_heads');
  if (config.num_key_value_heads) requireMultiple(config, 'num_attention_heads', 'num_key_value_heads');
  const heads = config.num_attention_heads;
  const kvHeads = config.num_key_value_heads ?? heads;
  const headDim = config.head_dim ?? config.hidden_size / heads;
  const sizes: Sizes = { heads, kvHeads, headDim, epsilon: config.rms_norm_eps, hidden: config.hidden_size };
  const rope = ropeSettings(config, headDim);

  const weightShapes = new Map<string, readonly number[]>();
  const linears: string[] = [];
  const addLinear = (name: string, out: number, width: number, bias: boolean): void => {
    linears.push(name);
    weightShapes.set(`${name}.weight`, [out, width]);
    if (bias) weightShapes.set(`${name}.bias`, [out]);
  };
  weightShapes.set('model.embed_tokens.weight', [config.vocab_size, sizes.hidden]);
  for (let i = 0; i < config.num_hidden_layers; i++) {
    const layer = `model.layers.${i}`;
    weightShapes.set(`${layer}.input_layernorm.weight`, [sizes.hidden]);
    addLinear(`${layer}.self_attn.q_proj`, heads * headDim, sizes.hidden, config.attention_bias);
    addLinear(`${layer}.self_attn.k_proj`, kvHeads * headDim, sizes.hidden, config.attention_bias);
    addLinear(`${layer}.self_attn.v_proj`, kvHeads * headDim, sizes.hidden, config.attention_bias);
    addLinear(`${layer}.self_attn.o_proj`, sizes.hidden, heads * headDim, config.attention_bias);
    weightShapes.set(`${layer}.post_attention_layernorm.weight`, [sizes.hidden]);
    addLinear(`${layer}.mlp.gate_proj`, config.intermediate_size, sizes.hidden, config.mlp_bias);
    addLinear(`${layer}.mlp.up_proj`, config.intermediate_size, sizes.hidden, config.mlp_bias);
    addLinear(`${layer}.mlp.down_proj`, sizes.hidden, config.intermediate_size, config.mlp_bias);
  }
  weightShapes.set('model.norm.weight', [sizes.hidden]);
  const headWeight = config.tie_word_embeddings ? 'model.embed_tokens.weight' : 'lm_head.weight';
  weightShapes.set(headWeight, [config.vocab_size, sizes.hidden]);

  return {
    modelType: 'llama',
    vocabSize: config.vocab_size,
    layers: config.num_hidden_layers,
    hiddenSize: sizes.hidden,
    kvHeads,
    headDim,
    maxPositions: config.max_position_embeddings,
    weightShapes,
    linears,
    defaultLoraTargets: ['q_proj', 'v_proj'],
    headWeight,
    rope: (g, maxPositions) => ropeTables(g, rope, maxPositions),
    hiddenStates: (context, inputs) => {
      const { g, weights } = context;
      const [batch = 1, seq = 1] = inputs.inputIds.shape;
      const tokens = multiplyDims(batch, seq);
      let x = g.reshape(weights.rows('model.embed_tokens.weight', inputs.inputIds), [tokens, sizes.hidden]);
      for (let i = 0; i < config.num_hidden_layers; i++) {
        const name = `model.layers.${i}`;
        x = context.layer(name, x, (x) => decoderLayer(context, sizes, inputs, i, name, x));
      }
      return x;
    },
    finalNorm: ({ g, weights }, rows) =>
      g.scope('model.norm', () => rmsNorm(g, rows, weights.get('model.norm.weight'), sizes.epsilon)),
  };
}

/** x [tokens, hidden] -> [tokens, hidden] */
function decoderLayer(
  context: BuildContext,
  sizes: Sizes,
  inputs: ModelInputs,
  index: number,
  name: string,
  x: Tensor,
): Tensor {
  const { g, weights, linear } = context;
  const norm = (part: string, x: Tensor): Tensor =>
    g.scope(part, () => rmsNorm(g, x, weights.get(`${name}.${part}.weight`), sizes.epsilon));
  const attended = g.add(
    x,
    selfAttention(context, sizes, inputs, index, `${name}.self_attn`, norm('input_layernorm', x)),
  );
  const normed = norm('post_attention_layernorm', attended);
  return g.add(
    attended,
    g.scope('mlp', () => swiglu(g, linear, `${name}.mlp`, normed)),
  );
}

function selfAttention(
  context: BuildContext,
  { heads, kvHeads, headDim }: Sizes,
  inputs: ModelInputs,
  index: number,
  name: string,
  x: Tensor,
): Tensor {
  const { g, linear, rope } = context;
  const [batch = 1, seq = 1] = inputs.inputIds.shape;
  const rows = (y: Tensor, count: number): Tensor => g.reshape(y, [batch, seq, count * headDim] satisfies Dim[]);
  return g.scope('self_attn', () => {
    const q = rows(rotate(g, linear(`${name}.q_proj`, x), inputs.positionIds, rope, heads), heads);
    const k = rows(rotate(g, linear(`${name}.k_proj`, x), inputs.positionIds, rope, kvHeads), kvHeads);
    const v = rows(linear(`${name}.v_proj`, x), kvHeads);
    const { keys, values } = context.keysAndValues(
      index,
      splitHeads(g, k, kvHeads, headDim),
      splitHeads(g, v, kvHeads, headDim),
    );
    const mixed = attention(g, q, keys, values, inputs.visibility, { heads, kvHeads, headDim });
    return linear(`${name}.o_proj`, mixed);
  });
}
