// The adapter in PEFT's format, with tokenizer files and a model card beside it.
import { basename } from 'node:path';
import { readAdapter, writeAdapter } from '../checkpoints/adapter.ts';
import { modelCard } from '../checkpoints/model-card.ts';
import { openModelFolder } from '../checkpoints/model-folder.ts';
import { findTokenizerFiles } from '../checkpoints/tokenizer-files.ts';
import { resultSettings } from '../recipe/result-settings.ts';
import type { ExportTarget } from './target.ts';

export const peft: ExportTarget = {
  name: 'peft',
  description: 'the LoRA adapter as PEFT, transformers and vLLM load it',
  write({ adapterFolder, recipe, step, metrics }, folder) {
    const { config, tensors } = readAdapter(adapterFolder);
    const beside = findTokenizerFiles(adapterFolder);
    writeAdapter(folder, {
      config,
      tensors,
      card: modelCard({
        name: basename(folder),
        baseModel: config.base_model_name_or_path ?? recipe.model_name_or_path,
        method: 'Supervised fine-tuning (SFT)',
        settings: { steps: step, ...resultSettings(recipe, config) },
        results: metrics,
      }),
      tokenizerFrom: beside.length > 0 ? { tokenizerFiles: beside } : openModelFolder(recipe.model_name_or_path),
    });
  },
};
