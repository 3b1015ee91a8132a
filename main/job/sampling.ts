// Answers a run's sample prompts with the adapter as it is at that moment.
import { Generator } from '../generation/generator.ts';
import { openRuntime } from '../engine/runtime/onnxruntime-node.ts';
import { promptText } from '../generation/prompt-text.ts';
import { adapterFrom } from '../training/lora-start.ts';
import type { OpenSampler } from '../training/sampler.ts';

/** One more session on the same files, on the processor; its weights stay mapped from them. */
export const openSampler: OpenSampler = async ({ loaded, tokenizer, lora, stepper }, { template }) => {
  const runtime = await openRuntime({ device: 'cpu' });
  const adapter = () => {
    const { config, tensors } = lora.adapter(stepper.layout, stepper.parameters);
    return adapterFrom(loaded.model, config, tensors, 'the run');
  };
  const generator = await Generator.around({ loaded, tokenizer, runtime, adapter: adapter(), memory: 'lean' });
  return {
    answer: async (prompt, { maxNewTokens, seed }) => {
      await stepper.fetchHome();
      await generator.useAdapter(adapter());
      let text = '';
      const asked = typeof prompt === 'string' ? promptText(prompt, template, tokenizer) : prompt;
      const pieces = generator.generate({ prompt: asked, maxNewTokens, seed, temperature: 0, topP: 1 });
      for await (const piece of pieces) text += piece;
      return text;
    },
    dispose: () => generator.dispose(),
  };
};
