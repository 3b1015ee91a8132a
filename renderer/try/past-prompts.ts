// The prompts that were asked last, the newest first, each once.

const MOST = 20;

export function withPrompt(prompts: readonly string[], prompt: string): string[] {
  return [prompt, ...prompts.filter((one) => one !== prompt)].slice(0, MOST);
}

/** On one line, short enough for a list. */
export function promptLine(prompt: string): string {
  const line = prompt.trim().replaceAll(/\s+/g, ' ');
  return line.length <= 60 ? line : `${line.slice(0, 59).trimEnd()}…`;
}
