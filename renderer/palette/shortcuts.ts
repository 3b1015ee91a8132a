// Keys that do something, for the list of them.

export const shortcuts: readonly { keys: readonly string[]; text: string; where: string }[] = [
  { keys: ['Ctrl', 'K'], text: 'Go anywhere, do anything', where: 'Everywhere' },
  { keys: ['?'], text: 'This list', where: 'Everywhere' },
  { keys: ['Esc'], text: 'Close what is open', where: 'Everywhere' },
  { keys: ['Ctrl', 'Enter'], text: 'Answer the prompt', where: 'Try it' },
  { keys: ['Esc'], text: 'Stop the answer', where: 'Try it' },
  { keys: ['Esc'], text: 'Show all of a zoomed chart', where: 'Run' },
];

/** True where a letter is typed into something. */
export function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.closest('input, textarea, select, [contenteditable="true"]') !== null;
}
