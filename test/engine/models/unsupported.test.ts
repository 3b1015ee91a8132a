// What is said of models that cannot be trained here: what they are, and what to take instead.
import { expect, test } from 'vitest';
import { modelFor } from '../../../main/engine/models/registry.ts';
import { refuseQuantised } from '../../../main/checkpoints/quantised.ts';
import { userErrorOf } from '../../support/user-error.ts';

const told = (config: Record<string, unknown>): string => {
  const { code, message, fix } = userErrorOf(() => modelFor(config));
  expect(code).toBe('model-type-unsupported');
  return `${message} ${fix}`;
};

// model_type as the Hub's repositories have them
test.each([
  ['mixtral', /mixture of experts.*Mistral-7B/],
  ['qwen3_moe', /mixture of experts.*Qwen3-4B/],
  ['gpt_oss', /mixture of experts/],
  ['deepseek_v3', /mixture of experts.*DeepSeek-R1-Distill/],
  ['granitemoe', /mixture of experts.*granite-3.3-2b/],
  ['olmoe', /mixture of experts.*OLMo-2/],
  ['qwen2_5_vl', /sees images.*Qwen2.5/],
  ['mllama', /sees images.*Llama-3.2-3B/],
  ['llava_next', /sees images/],
  ['paligemma', /sees images.*gemma-3-1b-it/],
  ['phi3_v', /sees images.*Phi-4-mini/],
  ['smolvlm', /sees images.*SmolLM2/],
  ['bert', /encoder, which understands/],
  ['xlm-roberta', /encoder, which understands/],
  ['modernbert', /encoder, which understands/],
  ['deberta-v2', /encoder, which understands/],
  ['t5', /encoder-decoder/],
  ['m2m_100', /encoder-decoder/],
  ['whisper', /speech/],
  ['falcon_mamba', /state-space/],
  ['gemma', /"gemma", which is not supported.*gemma-3-4b-it/],
  ['gpt2', /"gpt2", which is not supported/],
  ['constructor', /"constructor", which is not supported/],
])('%s', (type, words) => {
  expect(told({ model_type: type })).toMatch(words);
});

test('what a model is shows in other keys where its type is new', () => {
  expect(told({ model_type: 'newest', vision_config: {} })).toMatch(/sees images/);
  expect(told({ model_type: 'newest', num_local_experts: 8 })).toMatch(/mixture of experts/);
  expect(told({ model_type: 'newest', is_encoder_decoder: true })).toMatch(/encoder-decoder/);
  expect(told({})).toMatch(/model_type is missing/);
});

test('of Gemma 3 the part for text', () => {
  const text = { hidden_size: 64, intermediate_size: 64, num_hidden_layers: 1, num_attention_heads: 4, vocab_size: 9 };
  const whole = { model_type: 'gemma3', architectures: ['Gemma3ForConditionalGeneration'], text_config: text };
  for (const config of [
    { ...whole, vision_config: { hidden_size: 9 } },
    { ...whole, architectures: ['Gemma3ForCausalLM'] },
    { ...text, model_type: 'gemma3', architectures: ['Gemma3ForCausalLM'] },
  ]) {
    const model = modelFor(config);
    expect([model.modelType, model.layers, model.headDim]).toEqual(['gemma3_text', 1, 256]);
  }
  // As google/gemma-3-4b-it has it.
  const sparse = { hidden_size: 2560, intermediate_size: 10240, num_hidden_layers: 34, sliding_window: 1024 };
  const scaling = { rope_scaling: { factor: 8.0, rope_type: 'linear' } };
  const { heads, kvHeads, headDim, vocabSize } = modelFor({ ...whole, text_config: { ...sparse, ...scaling } });
  expect([heads, kvHeads, headDim, vocabSize]).toEqual([8, 4, 256, 262_208]);
  expect(told({ model_type: 'gemma3n', text_config: text, vision_config: {} })).toMatch(/sees images/);
});

test.each([
  ['Qwen/Qwen2.5-7B-Instruct-AWQ', 'awq', 'Qwen/Qwen2.5-7B-Instruct'],
  ['Qwen/Qwen2.5-7B-Instruct-GPTQ-Int4', 'gptq', 'Qwen/Qwen2.5-7B-Instruct'],
  ['unsloth/Llama-3.2-1B-Instruct-unsloth-bnb-4bit', 'bitsandbytes', 'unsloth/Llama-3.2-1B-Instruct'],
  ['unsloth/Qwen3-4B-bnb-4bit', 'bitsandbytes', 'unsloth/Qwen3-4B'],
  ['RedHatAI/gemma-2-9b-it-quantized.w4a16', 'compressed-tensors', 'RedHatAI/gemma-2-9b-it'],
  ['Qwen/Qwen3-8B-FP8', 'fp8', 'Qwen/Qwen3-8B'],
])('%s is stored quantised', (id, method, original) => {
  const config = { quantization_config: { quant_method: method } };
  const { code, message, fix } = userErrorOf(() => {
    refuseQuantised(config, { id });
  });
  expect(code).toBe('quantized-checkpoint');
  expect(message).toContain(`(${method})`);
  expect(fix).toContain(`probably ${original}, with`);
});

test('a name that does not say how it was rounded is not guessed at', () => {
  const { fix } = userErrorOf(() => {
    refuseQuantised({ quantization_config: {} }, { id: 'someone/model' });
  });
  expect(fix).not.toContain('probably');
});
