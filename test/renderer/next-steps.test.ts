import { expect, test } from 'vitest';
import { repoNameFor } from '../../renderer/export/repo-name.ts';
import { nextSteps } from '../../renderer/export/next-steps.ts';

const adapter = {
  format: 'peft' as const,
  place: '/a b/otter',
  onHub: false,
  baseModel: 'owner/model',
  rank: 24,
  useDora: false,
};
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
  const steps = codes({ ...adapter, format: 'merged', place: '/x/$HOME "y"' });
  expect(steps.vLLM).toBe('vllm serve "/x/\\$HOME \\"y\\""');
  expect(steps.Transformers).toContain('from_pretrained("/x/$HOME \\"y\\"")');
});

test('what is on the Hub is loaded by its name, and fetched for programs that read folders', () => {
  const onHub = { ...adapter, place: 'ada/otter', onHub: true };
  expect(codes(onHub).PEFT).toContain('AutoPeftModelForCausalLM.from_pretrained("ada/otter")');
  expect(codes(onHub).vLLM).toContain('--lora-modules otter=ada/otter');
  expect(codes(onHub)['llama.cpp']).toMatch(
    /^hf download ada\/otter --local-dir otter\npython convert_lora_to_gguf.py .* otter --outfile otter\/otter.gguf/,
  );
  // Its config names no folder of this machine, which AutoPeftModel would look for.
  const { PEFT } = codes({ ...onHub, baseModel: '/models/m' });
  expect(PEFT).toContain('base = AutoModelForCausalLM.from_pretrained("/models/m")');
  expect(PEFT).not.toContain('AutoPeft');
  expect(codes({ ...onHub, format: 'merged' }).vLLM).toBe('vllm serve ada/otter');
});

test('a repository is named after the run, as the Hub allows it', () => {
  expect(repoNameFor('Sailor talk, v2')).toBe('sailor-talk-v2');
  expect(repoNameFor('  Éclair..fin. ')).toBe('eclair.fin');
  expect(repoNameFor('川')).toBe('my-adapter');
});
