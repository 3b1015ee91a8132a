// The adapter in PEFT's format, with tokenizer files and a model card beside it.
import { readAdapter, writeAdapter } from '../checkpoints/adapter.ts';
import { tokenizerFilesFor } from '../checkpoints/merge-order.ts';
import { cardFiles } from '../checkpoints/model-card.ts';
import { cardContent } from './card.ts';
import type { ExportTarget } from './target.ts';

export const peft: ExportTarget = {
  name: 'peft',
  description: 'the LoRA adapter as PEFT, transformers and vLLM load it',
  files: /^(adapter_config\.json|adapter_model\.safetensors)$/,
  write(source, folder) {
    const { config, tensors } = readAdapter(source.adapterFolder);
    writeAdapter(folder, {
      config,
      tensors,
      card: cardFiles(cardContent(source, config, folder)),
      tokenizerFrom: { tokenizerFiles: tokenizerFilesFor(source.adapterFolder, source.recipe.model_name_or_path) },
      chatTemplate: source.data?.chatTemplate,
    });
    return Promise.resolve();
  },
};
