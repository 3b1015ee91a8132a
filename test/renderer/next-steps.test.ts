import { expect, test } from 'vitest';
import { nextSteps } from '../../renderer/export/next-steps.ts';

const adapter = { format: 'peft' as const, folder: '/a b/otter', baseModel: 'owner/model', rank: 24, useDora: false };
const codes = (of: Parameters<typeof nextSteps>[0]): Record<string, string> =>
  Object.fromEntries(nextSteps(of).map(({ title, code }) => [title, code]));

test('an adapter is served on its base model, with room for its rank', () => {
  const { PEFT, vLLM, 'llama.cpp': llama } = codes(adapter);
  expect(PEFT).toContain('AutoPeftModelForCausalLM.from_pretrained("/a b/otter")');
  expect(vLLM).toBe('vllm serve owner/model --enable-lora --max-lora-rank 32 --lora-modules "otter=/a b/otter"');
  expect(llama).toContain('--base-model-id owner/model "/a b/otter" --outfile "/a b/otter/otter.gguf"');
  expect(codes({ ...adapter, baseModel: '/models/m' })['llama.cpp']).toContain('--base /models/m ');
});

test('DoRA is for PEFT only', () => {
  expect(Object.keys(codes({ ...adapter, useDora: true }))).toEqual(['PEFT']);
});

test('a merged model stands alone, and nothing in its path means anything to a shell', () => {
  const steps = codes({ ...adapter, format: 'merged', folder: '/x/$HOME "y"' });
  expect(steps.vLLM).toBe('vllm serve "/x/\\$HOME \\"y\\""');
  expect(steps.Transformers).toContain('from_pretrained("/x/$HOME \\"y\\"")');
});
