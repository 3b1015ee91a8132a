// A preview as text: trained tokens in colour on a terminal, between brackets elsewhere.
import type { Preview, PreviewRow, PreviewToken } from './preview.ts';
import { formatProblem, type ProblemKind } from './problems.ts';

const RESET = '\u001B[0m';
const DIM = '\u001B[2m';
const BOLD = '\u001B[1m';
/** Two shades in turn, so that neighbouring tokens can be told apart. */
const TRAINED = ['\u001B[30;42m', '\u001B[30;102m'];
const PROMPT = ['\u001B[90m', '\u001B[37m'];

const KIND_NAMES: Record<ProblemKind, string> = {
  invalid: 'invalid, left out',
  empty: 'empty, left out',
  'no-trained-token': 'nothing to train, left out',
  truncated: 'cut to max_length',
  duplicate: 'the same as an earlier row (kept)',
};

/** Lines joined by \n. `color`: ANSI colours; else trained tokens stand between ⟦ and ⟧, tokens parted by "|". */
export function renderPreview(preview: Preview, options: { color: boolean }): string {
  const { color } = options;
  const bold = (text: string) => (color ? `${BOLD}${text}${RESET}` : text);
  const dim = (text: string) => (color ? `${DIM}${text}${RESET}` : text);
  const rows = preview.rows.flatMap((row, i) => [
    bold(`Row ${String(i + 1)}`) + dim(`  ${row.file}:${String(row.line)}`) + `  ${counts(row)}`,
    color ? coloredTokens(row) : bracketedTokens(row),
    '',
  ]);
  return [...rows, ...summary(preview, bold), ...problems(preview, bold, dim)].join('\n');
}

function counts(row: PreviewRow): string {
  return `${String(row.tokenCount)} tokens, ${String(row.trainedCount)} trained (${share(row.trainedCount, row.tokenCount)})`;
}

function share(part: number, whole: number): string {
  return whole === 0 ? '0 %' : `${((100 * part) / whole).toFixed(part === whole ? 0 : 1)} %`;
}

/** Line ends and tabs are shown, and line ends also break the line. Other control characters could steer a terminal. */
function visible(token: PreviewToken): string {
  return token.text
    .replaceAll('\t', '⇥')
    .replaceAll(/\p{Cc}/gu, (control) =>
      control === '\n' ? '⏎\n' : String.fromCodePoint(0x2400 + (control.charCodeAt(0) & 0x1f)),
    );
}

function gap(row: PreviewRow): string {
  return `\n… ${String(row.leftOut)} more token${row.leftOut === 1 ? '' : 's'} …\n`;
}

function coloredTokens(row: PreviewRow): string {
  const half = row.tokens.length >> 1;
  return row.tokens
    .map((token, i) => {
      const shade = (token.trained ? TRAINED : PROMPT)[i % 2] ?? '';
      // A colour must end before a line does, or it runs to the edge of the window.
      const text = visible(token)
        .split('\n')
        .map((line) => (line === '' ? '' : `${shade}${line}${RESET}`))
        .join('\n');
      return row.leftOut > 0 && i === half ? gap(row) + text : text;
    })
    .join('');
}

function bracketedTokens(row: PreviewRow): string {
  const half = row.tokens.length >> 1;
  let text = '';
  let open = false;
  for (const [i, token] of row.tokens.entries()) {
    if (open && (!token.trained || (row.leftOut > 0 && i === half))) {
      text += '⟧';
      open = false;
    }
    if (row.leftOut > 0 && i === half) text += gap(row);
    if (token.trained && !open) {
      text += '⟦';
      open = true;
    } else if (i > 0) text += '|';
    text += visible(token);
  }
  return open ? `${text}⟧` : text;
}

function summary({ report }: Preview, bold: (text: string) => string): string[] {
  const { lengthPercentiles: lengths } = report;
  return [
    bold('Dataset'),
    ...report.files.map((file) => `  ${file.file}: ${String(file.rows)} rows, ${file.format}, read as ${file.shape}`),
    `  template: ${report.template}`,
    `  usable rows: ${String(report.usable)} of ${String(report.rows)}`,
    `  tokens: ${String(report.tokens)}, trained ${String(report.trainedTokens)} (${share(report.trainedTokens, report.tokens)})`,
    `  tokens in a row: half have at most ${String(lengths.p50)}, 90 % ${String(lengths.p90)}, 95 % ${String(lengths.p95)}, ` +
      `99 % ${String(lengths.p99)}, the longest ${String(lengths.max)}`,
    ...report.notes.map((note) => `  note: ${note}`),
  ];
}

function problems({ report }: Preview, bold: (text: string) => string, dim: (text: string) => string): string[] {
  if (report.problemCount === 0) return ['', 'No problems found.', ''];
  const totals: Record<ProblemKind, number> = {
    invalid: report.invalid,
    empty: report.empty,
    'no-trained-token': report.noTrainedToken,
    truncated: report.truncated,
    duplicate: report.duplicates,
  };
  const lines = ['', bold('Problems')];
  for (const kind of Object.keys(KIND_NAMES) as ProblemKind[]) {
    if (totals[kind] === 0) continue;
    const kept = report.problems.filter((problem) => problem.kind === kind);
    lines.push(
      `  ${String(totals[kind])} ${KIND_NAMES[kind]}`,
      ...kept.map((problem) => `    ${formatProblem(problem)}`),
    );
    if (totals[kind] > kept.length) lines.push(dim(`    … and ${String(totals[kind] - kept.length)} more`));
  }
  return [...lines, ''];
}
