// The tokenizer of a model, of one that is still a GGUF file too: the same as the converted model will have.
import { openGguf } from '../checkpoints/gguf/model.ts';
import { ggufAt } from '../checkpoints/gguf/ready-model.ts';
import { tokenizerJsonText } from '../checkpoints/gguf/tokenizer.ts';
import { templateAt } from '../data/tokenizer-files.ts';
import { type LoadTokenizerOptions, loadTokenizer, TextTokenizer } from '../data/tokenizer.ts';

/** Throws UserError as loadTokenizer and openGguf do. */
export function tokenizerOfModel(path: string, options: LoadTokenizerOptions = {}): TextTokenizer {
  const file = ggufAt(path);
  if (file === undefined) return loadTokenizer(path, options);
  const { tokenizer } = openGguf(file);
  const { chatTemplatePath, eosToken } = options;
  const chatTemplate = chatTemplatePath === undefined ? tokenizer.chatTemplate : templateAt(chatTemplatePath);
  const files = { folder: file, source: tokenizerJsonText(tokenizer), json: tokenizer.json, config: tokenizer.config };
  return new TextTokenizer(files, { chatTemplate, eosToken });
}
