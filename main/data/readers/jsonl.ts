// JSON lines: one object, or one list of messages, per line. A bad line in between is reported and left out.
import { UserError, messageOf } from '../../errors.ts';
import { kindOf, rowValues, type ReadContext, type RowReader } from './reader.ts';
import { readLines } from './utf8.ts';

/** With no good line among so many, the file is not JSON lines. */
const GIVE_UP_AFTER = 100;

export const readJsonl: RowReader = async function* (path, context) {
  let good = 0;
  let bad = 0;
  let firstProblem = '';
  for await (const { line, text } of readLines(path, context.label, context.onBytes, context.signal)) {
    if (text.trim() === '') continue;
    let problem: string;
    try {
      const parsed: unknown = JSON.parse(text);
      const values = rowValues(parsed);
      if (values) {
        good++;
        yield { values, file: context.label, line };
        continue;
      }
      problem = `the line holds ${kindOf(parsed)}, not an object with columns`;
    } catch (error) {
      if (good + bad === 0 && looksPrettyPrinted(text)) throw prettyPrinted(context, line, text);
      problem = `not valid JSON: ${shortReason(error)}`;
    }
    bad++;
    firstProblem ||= `${context.label}:${String(line)}: ${problem}`;
    context.invalid(line, problem);
    if (good === 0 && bad >= GIVE_UP_AFTER) break;
  }
  if (good === 0 && bad > 0) {
    throw new UserError({
      code: 'dataset-bad-json-lines',
      message: `No line of ${context.label} is a JSON row. The first problem: ${firstProblem}.`,
      fix: 'Write one JSON object per line, or give the file the ending of its real format.',
    });
  }
};

/** The first line of indented JSON is an opening bracket, perhaps with the first key. */
function looksPrettyPrinted(text: string): boolean {
  const line = text.trim();
  return (
    line === '{' ||
    line === '[' ||
    line === '[{' ||
    (/^[{[]/.test(line) && !/[}\]]\s*$/.test(line) && line.endsWith(','))
  );
}

function prettyPrinted(context: ReadContext, line: number, text: string): UserError {
  return new UserError({
    code: 'dataset-pretty-printed',
    message:
      `${context.label}:${String(line)} holds only ${JSON.stringify(text.trim().slice(0, 40))}: ` +
      'this is pretty-printed JSON, not JSON lines (one whole object per line).',
    fix:
      `If the file is one JSON list, rename it to end in .json. If it holds several objects, put each on one line: ` +
      `jq -c . "${context.label}" > rows.jsonl`,
  });
}

/** V8's messages quote the text; one short line of them is enough. */
export function shortReason(error: unknown): string {
  const reason = messageOf(error).replace(/[\s\p{Cc}]+/gu, ' ');
  return reason.length > 160 ? `${reason.slice(0, 157)}…` : reason;
}
