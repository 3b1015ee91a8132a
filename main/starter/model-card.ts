// The README.md of the starter model's folder.

export function modelCard({ parameters, trainedTokens }: { parameters: number; trainedTokens: number }): string {
  const millions = (count: number): string => (count / 1e6).toFixed(1);
  return `---
license: apache-2.0
language: en
library_name: transformers
pipeline_tag: text-generation
---

# Lorelei's starter model

A Llama of ${millions(parameters)} million parameters that knows one thing: Ankerwell, a made-up village where the river Silda
meets the sea. It answers questions about the people, animals, boats and places there, tells short stories, writes
four-line poems, adds small numbers, and says so when it does not know something.

It was trained from nothing by Lorelei itself, every weight, on ${millions(trainedTokens)} million tokens of text that
\`main/starter\` generates; no text is taken from anywhere else. \`npm run build:starter\` makes it again.

It is here to be fine-tuned in a minute on any machine, not to be relied on.
`;
}
