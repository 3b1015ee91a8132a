// Commands that a person is shown to type next.

/** How to ask what a finished run has learned, in the words that it was trained with. */
export function tryIt(runId: string, template: string | undefined): string {
  const words = ['chatml', 'alpaca', 'none'].includes(template ?? '') ? ` --template ${template ?? ''}` : '';
  return `Try it: lorelei generate --model run:${runId}${words} --prompt "…"`;
}
