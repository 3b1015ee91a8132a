// Tables, blocks and numbers of a model card, safe against what names and texts may hold.

export function rowsTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => row(cell).replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), `|${' --- |'.repeat(head.length)}`, ...rows.map(line)].join('\n');
}

/** On one line. */
export function row(text: string): string {
  return text.replaceAll(/\s*[\r\n]+\s*/g, ' ');
}

/** A block of code whose fence is longer than any run of backticks in it. */
export function fenced(language: string, code: string): string {
  const longest = Math.max(2, ...(code.match(/`+/g) ?? []).map((ticks) => ticks.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}${language}\n${code.trimEnd()}\n${fence}`;
}

export function wholeText(value: number): string {
  return value.toLocaleString('en-US');
}

export function numberText(value: number): string {
  return Number.isInteger(value) ? wholeText(value) : String(Number(value.toPrecision(5)));
}
