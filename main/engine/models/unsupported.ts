// Why a model cannot be trained here, said by its kind, and which model of the same makers can. Which model_types are
// built is registry.ts's.
import { UserError } from '../../errors.ts';

type Kind = 'experts' | 'images' | 'encoder' | 'translator' | 'recurrent' | 'audio' | 'other';

const kinds: Readonly<Record<Exclude<Kind, 'other'>, { types: RegExp; what: string }>> = {
  audio: {
    types: /^(whisper|qwen2_audio|qwen2_5_omni|qwen3_omni.*|wav2vec2|hubert|musicgen|bark|speecht5|voxtral|csm|dia)$/,
    what: 'a model for speech or sound',
  },
  images: {
    types:
      /(^|_)(vl|vision|v|image)(_|$)|^(llava.*|mllama|idefics.*|smolvlm|paligemma|gemma3|gemma3n|gemma4|pixtral|mistral3|internvl.*|aya_vision|phi4mm|phi4_multimodal|llama4|kosmos.*|blip.*|fuyu|florence2|clip|siglip.*|vit|dinov2.*|molmo.*|janus|chameleon|minicpmv|minicpmo)$/,
    what: 'a model that sees images, which are not read here',
  },
  experts: {
    types:
      /moe|^(mixtral|gpt_oss|dbrx|deepseek_v2|deepseek_v3|deepseek_v32|deepseek_v4|jetmoe|arctic|grok.*|minimax.*|kimi.*|qwen3_next|hunyuan_v1_moe|dots1|flex_olmo|longcat.*|jamba)$/,
    what: 'a mixture of experts',
  },
  translator: {
    types:
      /^(u?m?t5|longt5|t5gemma2?|m?bart|pegasus.*|marian|m2m_100|nllb.*|prophetnet|led|blenderbot.*|encoder-decoder)$/,
    what: 'an encoder-decoder, which turns one text into another',
  },
  encoder: {
    types:
      /(^|[-_])(bert|roberta)|bert$|^(electra|deberta.*|mpnet|albert|xlnet|longformer|big_bird|nomic_bert|esm|funnel|layoutlm.*|ernie|gte|new)$/,
    what: 'an encoder, which understands text and does not write it',
  },
  recurrent: {
    types:
      /mamba|^(rwkv.*|recurrent_gemma|falcon_h1|nemotron_h|zamba.*|bamba|lfm2|griffin|granitemoehybrid|olmo_hybrid|qwen3_5)$/,
    what: 'a recurrent or state-space model',
  },
};

/** What comes closest and is supported, by the beginning of the model_type; the first that fits. */
const instead: readonly (readonly [types: RegExp, model: string])[] = [
  [/^mixtral|^mistral|^pixtral|^voxtral/, 'mistralai/Mistral-7B-Instruct-v0.3'],
  [/^qwen3/, 'Qwen/Qwen3-4B or Qwen/Qwen3-8B'],
  [/^qwen/, 'Qwen/Qwen2.5-1.5B-Instruct or Qwen/Qwen2.5-7B-Instruct'],
  [/gemma/, 'google/gemma-3-4b-it or google/gemma-3-1b-it'],
  [/^mllama|^llama/, 'meta-llama/Llama-3.2-3B-Instruct or meta-llama/Llama-3.1-8B-Instruct'],
  [/^phi/, 'microsoft/Phi-4-mini-instruct'],
  [/^granite/, 'ibm-granite/granite-3.3-2b-instruct'],
  [/^olmo|^flex_olmo|^molmo/, 'allenai/OLMo-2-0425-1B-Instruct'],
  [/^deepseek/, 'deepseek-ai/DeepSeek-R1-Distill-Qwen-7B'],
  [/^smolvlm|^idefics/, 'HuggingFaceTB/SmolLM2-1.7B-Instruct or HuggingFaceTB/SmolLM3-3B'],
];

/** The error for a config that no file here builds. `supported` are the model_types that are. */
export function unsupported(config: Record<string, unknown>, supported: readonly string[]): UserError {
  const { model_type: type } = config;
  const named = typeof type === 'string' ? type : undefined;
  if (named === undefined)
    return new UserError({
      code: 'model-type-unsupported',
      message: `config.json: model_type is ${type === undefined ? 'missing' : JSON.stringify(type)}, so that nobody knows how to build the model.`,
      fix: `Use the config.json that belongs to these weights, of a model of type ${supported.join(', ')}.`,
    });
  const other = instead.find(([types]) => types.test(named))?.[1];
  const what = whatElse(named, config);
  return new UserError({
    code: 'model-type-unsupported',
    message: `config.json: model_type is "${named}"${what === undefined ? ', which is not supported' : `: ${what}; such models are not supported`}.`,
    fix: `Choose ${other === undefined ? 'a model' : `${other}, or another model`} of a supported type: ${supported.join(', ')}.`,
  });
}

/** What a model is that no file here builds, or undefined where nothing more is known than its type. */
export function whatElse(type: string, config: Record<string, unknown> = {}): string | undefined {
  const kind = kindOf(type, config);
  return kind === 'other' ? undefined : kinds[kind].what;
}

function kindOf(type: string, config: Record<string, unknown>): Kind {
  if (config.vision_config !== undefined) return 'images';
  if (config.audio_config !== undefined) return 'audio';
  const order = ['audio', 'images', 'experts', 'translator', 'encoder', 'recurrent'] as const;
  const known = order.find((kind) => kinds[kind].types.test(type));
  if (known) return known;
  if (config.is_encoder_decoder === true) return 'translator';
  const experts = ['num_local_experts', 'num_experts', 'n_routed_experts', 'moe_num_experts'];
  return experts.some((key) => Number(config[key]) > 1) ? 'experts' : 'other';
}
