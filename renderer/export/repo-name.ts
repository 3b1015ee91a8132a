// A name for a repository from that of a run.

/** Letters, digits, - _ and . as the Hub has them: "Sailor talk, v2" is "sailor-talk-v2". */
export function repoNameFor(run: string): string {
  const name = run
    .normalize('NFKD')
    .replaceAll(/\p{Mark}/gu, '')
    .toLowerCase()
    .replaceAll(/[^a-z0-9_.]+/g, '-')
    .replaceAll(/\.{2,}/g, '.')
    .slice(0, 90)
    .replaceAll(/^[-.]+|[-.]+$/g, '');
  return name === '' ? 'my-adapter' : name;
}
