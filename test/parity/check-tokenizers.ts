// Compares ids and rendered conversations with what tokenizers_check.py wrote: released tokenizers, from their own files
// or from the metadata of a GGUF file, and the chat templates of families. Exits with 1 where they differ.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { GgufValue } from '../../main/checkpoints/gguf/header.ts';
import { Metadata } from '../../main/checkpoints/gguf/metadata.ts';
import { readGgufTokenizer } from '../../main/checkpoints/gguf/tokenizer.ts';
import { ChatTemplate, TemplateRefusal } from '../../main/data/chat-template.ts';
import { loadTokenizer, TextTokenizer } from '../../main/data/tokenizer.ts';
import type { Message } from '../../main/data/types.ts';

type Described = {
  file?: string;
  metadata?: Record<string, GgufValue>;
  texts: { text: string; plain: number[] }[];
};
type Rendered = {
  template: string;
  source: string;
  name: string;
  messages: Message[];
  tools?: unknown[];
  variables: Record<string, unknown>;
  opens: boolean;
  /** Null where jinja2 refuses. */
  text: string | null;
};

const [folder = ''] = process.argv.slice(2);
const read = (name: string): unknown => JSON.parse(readFileSync(join(folder, name), 'utf8'));
const problems: string[] = [];

for (const name of readdirSync(folder).filter((file) => file !== 'templates.json')) {
  const described = read(name) as Described;
  const tokenizer = tokenizerOf(described);
  for (const { text, plain } of described.texts) {
    const ids = tokenizer.encode(text, { specialTokens: false });
    const at = plain.findIndex((id, i) => ids[i] !== id);
    if (at >= 0 || ids.length !== plain.length)
      problems.push(`${name}: other ids of ${JSON.stringify(text.slice(0, 80))} from token ${at}`);
  }
  console.log(`${name.replace('.json', '')}: ${described.texts.length} texts`);
}

function tokenizerOf({ file, metadata }: Described): TextTokenizer {
  if (file !== undefined) return loadTokenizer(dirname(file));
  const { json, config } = readGgufTokenizer(
    new Metadata({ path: folder, metadata: new Map(Object.entries(metadata ?? {})) }),
  );
  return new TextTokenizer({ folder, source: '', json, config });
}

const conversations = read('templates.json') as Rendered[];
for (const { template, source, name, messages, tools, variables, opens, text } of conversations) {
  const rendered = renderedBy(() =>
    new ChatTemplate(source, variables, template).render(messages, {
      addGenerationPrompt: opens,
      ...(tools === undefined ? {} : { tools }),
    }),
  );
  if (rendered !== text) problems.push(`${template}, ${name}${opens ? ', opened' : ''}: ${difference(text, rendered)}`);
}
console.log(
  `${new Set(conversations.map(({ template }) => template)).size} templates, ${conversations.length} renderings`,
);

for (const problem of problems) console.error(problem);
process.exitCode = problems.length > 0 ? 1 : 0;

function renderedBy(render: () => string): string | null {
  try {
    return render();
  } catch (error) {
    if (error instanceof TemplateRefusal) return null;
    throw error;
  }
}

function difference(wanted: string | null, got: string | null): string {
  if (wanted === null || got === null) return `${wanted === null ? 'jinja2 refuses' : 'we refuse'}, the other does not`;
  const at = Array.from(wanted).findIndex((letter, i) => got[i] !== letter);
  const shown = (text: string): string => JSON.stringify(text.slice(Math.max(0, at - 30), at + 50));
  return `${shown(wanted)}, not ${shown(got)}`;
}
