// The base model with the adapter folded in, as a Hugging Face model folder that needs neither PEFT nor the base model.
import { readAdapter } from '../checkpoints/adapter.ts';
import { tokenizerFilesFor } from '../checkpoints/merge-order.ts';
import { writeMergedModel } from '../checkpoints/merged-model.ts';
import { cardFiles } from '../checkpoints/model-card.ts';
import { openModelFolder } from '../checkpoints/model-folder.ts';
import { cardContent } from './card.ts';
import type { ExportTarget } from './target.ts';

export const merged: ExportTarget = {
  name: 'merged',
  description: 'a whole model with the adapter merged in, which transformers, vLLM and llama.cpp load',
  files: /^(config\.json|model(-\d{5}-of-\d{5})?\.safetensors(\.index\.json)?)$/,
  async write(source, folder, { dtype, maxShardBytes }, hooks) {
    const adapter = readAdapter(source.adapterFolder);
    const base = openModelFolder(source.recipe.model_name_or_path);
    await writeMergedModel(
      folder,
      {
        base,
        adapter,
        dtype,
        maxShardBytes,
        tokenizerFiles: tokenizerFilesFor(source.adapterFolder, base.path),
        chatTemplate: source.data?.chatTemplate,
        extras: cardFiles({ ...cardContent(source, adapter.config, folder), isMerged: true }),
      },
      hooks,
    );
  },
};
