// A preview as text: trained tokens in colour on a terminal, between brackets elsewhere.
import type { PairPreview, Preview, PreviewPart, PreviewToken } from './preview.ts';
import { formatProblem, type ProblemKind } from './problems.ts';
import type { DataReport } from './report.ts';

const RESET = '\u001B[0m';
const DIM = '\u001B[2m';
const BOLD = '\u001B[1m';
/** Two shades in turn, so that neighbouring tokens can be told apart. */
const TRAINED = ['\u001B[30;42m', '\u001B[30;102m'];
const PROMPT = ['\u001B[90m', '\u001B[37m'];

const KIND_NAMES: Record<ProblemKind, string> = {
  invalid: 'invalid, left out',
  empty: 'empty, left out',
  identical: 'with two answers that are the same, left out',
  'no-trained-token': 'nothing to train, left out',
  truncated: 'cut to max_length',
  duplicate: 'the same as an earlier row (kept)',
};

/** Lines joined by \n. `color`: ANSI colours; else trained tokens stand between ⟦ and ⟧, tokens parted by "|". */
export function renderPreview(preview: Preview, options: { color: boolean }): string {
  const { color } = options;
  const rows = preview.rows.flatMap((row, i) => [...heading(i, row, 'tokens', color), tokensOf(row, color), '']);
  return [...rows, ...renderReport(preview.report, color)].join('\n');
}

/** The same for preference pairs: the prompt once, then both answers. */
export function renderPairPreview(preview: PairPreview, options: { color: boolean }): string {
  const { color } = options;
  const rows = preview.rows.flatMap((row, i) => [
    ...heading(i, row, 'tokens in both sequences', color),
    ...(['prompt', 'chosen', 'rejected'] as const).flatMap((name) => {
      const { tokenCount } = row[name];
      return [`${name}  ${String(tokenCount)} token${tokenCount === 1 ? '' : 's'}`, tokensOf(row[name], color)];
    }),
    '',
  ]);
  return [...rows, ...renderReport(preview.report, color)].join('\n');
}

type Heading = { file: string; line: number; tokenCount: number; trainedCount: number };

function heading(i: number, { file, line, tokenCount, trainedCount }: Heading, what: string, color: boolean): string[] {
  const counts = `${String(tokenCount)} ${what}, ${String(trainedCount)} trained (${share(trainedCount, tokenCount)})`;
  return [bold(`Row ${String(i + 1)}`, color) + dim(`  ${file}:${String(line)}`, color) + `  ${counts}`];
}

function tokensOf(part: PreviewPart, color: boolean): string {
  return color ? coloredTokens(part) : bracketedTokens(part);
}

function renderReport(report: DataReport, color: boolean): string[] {
  return [...summary(report, color), ...problems(report, color)];
}

function bold(text: string, color: boolean): string {
  return color ? `${BOLD}${text}${RESET}` : text;
}

function dim(text: string, color: boolean): string {
  return color ? `${DIM}${text}${RESET}` : text;
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

function gap(row: PreviewPart): string {
  return `\n… ${String(row.leftOut)} more token${row.leftOut === 1 ? '' : 's'} …\n`;
}

function coloredTokens(row: PreviewPart): string {
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

function bracketedTokens(row: PreviewPart): string {
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

function summary(report: DataReport, color: boolean): string[] {
  const { lengthPercentiles: lengths } = report;
  return [
    bold('Dataset', color),
    ...report.files.map((file) => `  ${file.file}: ${String(file.rows)} rows, ${file.format}, read as ${file.shape}`),
    `  template: ${report.template}`,
    `  usable rows: ${String(report.usable)} of ${String(report.rows)}`,
    `  tokens: ${String(report.tokens)}, trained ${String(report.trainedTokens)} (${share(report.trainedTokens, report.tokens)})`,
    `  tokens in a row: half have at most ${String(lengths.p50)}, 90 % ${String(lengths.p90)}, 95 % ${String(lengths.p95)}, ` +
      `99 % ${String(lengths.p99)}, the longest ${String(lengths.max)}`,
    ...report.notes.map((note) => `  note: ${note}`),
  ];
}

function problems(report: DataReport, color: boolean): string[] {
  if (report.problemCount === 0) return ['', 'No problems found.', ''];
  const totals: Record<ProblemKind, number> = {
    invalid: report.invalid,
    empty: report.empty,
    identical: report.identical,
    'no-trained-token': report.noTrainedToken,
    truncated: report.truncated,
    duplicate: report.duplicates,
  };
  const lines = ['', bold('Problems', color)];
  for (const kind of Object.keys(KIND_NAMES) as ProblemKind[]) {
    if (totals[kind] === 0) continue;
    const kept = report.problems.filter((problem) => problem.kind === kind);
    lines.push(
      `  ${String(totals[kind])} ${KIND_NAMES[kind]}`,
      ...kept.map((problem) => `    ${formatProblem(problem)}`),
    );
    if (totals[kind] > kept.length) lines.push(dim(`    … and ${String(totals[kind] - kept.length)} more`, color));
  }
  return [...lines, ''];
}
