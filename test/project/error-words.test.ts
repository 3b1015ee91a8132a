// Words that may reach a window name no command and no flag of a command line: only `commandLine` of an error does,
// which terminals print in place of `fix`.
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { expect, test } from 'vitest';
import { UserError } from '../../main/errors.ts';
import { errorText } from '../../main/hosts/cli/terminal.ts';

const root = join(import.meta.dirname, '../..');
/** "serve" is left out: it also names one of Lorelei's doors. */
const COMMAND =
  /\blorelei (sft|dpo|orpo|simpo|resume|runs|stop|show|export|preview|generate|devices|estimate|presets|secrets|quickstart|\$)/;
const FLAG = /(^|[\s(`"'])--[a-z]/;
/** Flags of other programs. */
const OTHERS = new Set(['--expose-gc', '--id=$', '--query-gpu=$', '--format=csv,noheader,nounits']);

/** Texts of a file with the line where they stand; a placeholder of a template is "$". */
function wordsOf(path: string, source: string): { line: number; text: string }[] {
  const file = ts.createSourceFile(path, source, ts.ScriptTarget.Latest, true);
  const found: { line: number; text: string }[] = [];
  const visit = (node: ts.Node): void => {
    if ((ts.isPropertyAssignment(node) || ts.isVariableDeclaration(node)) && node.name.getText() === 'commandLine')
      return;
    const text = ts.isStringLiteralLike(node)
      ? node.text
      : ts.isTemplateExpression(node)
        ? node.head.text + node.templateSpans.map(({ literal }) => `$${literal.text}`).join('')
        : undefined;
    if (text !== undefined) found.push({ line: file.getLineAndCharacterOfPosition(node.getStart()).line + 1, text });
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}

const commandWords = (path: string, source: string): string[] =>
  wordsOf(path, source)
    .filter(({ text }) => (COMMAND.test(text) || FLAG.test(text)) && !OTHERS.has(text))
    .map(({ line, text }) => `${path}:${line}: ${text}`);

test('no text outside the hosts names a command or a flag', () => {
  const files = globSync('main/**/*.ts', { cwd: root }).filter((path) => !/^main[\\/]hosts[\\/]/.test(path));
  expect(files.length).toBeGreaterThan(200);
  expect(files.flatMap((path) => commandWords(path, readFileSync(join(root, path), 'utf8')))).toEqual([]);
});

test('what is looked for would be found', () => {
  const source =
    "fail({ fix: 'lorelei runs lists them', commandLine: `lorelei resume ${id}` }, `Try lorelei ${x}`, 'a --b')";
  expect(commandWords('x.ts', source)).toEqual([
    'x.ts:1: lorelei runs lists them',
    'x.ts:1: Try lorelei $',
    'x.ts:1: a --b',
  ]);
});

test('a terminal prints what to type, a window what to do', () => {
  const details = { code: 'run-under-way', message: 'It trains.', fix: 'Stop it.', commandLine: 'lorelei stop x' };
  const error = new UserError(details);
  expect(error.toDetails()).toEqual(details);
  expect(errorText(error)).toBe('Error: It trains.\nlorelei stop x');
  expect(errorText(new UserError({ code: 'a', message: 'It trains.', fix: 'Stop it.' }))).toBe(
    'Error: It trains.\nStop it.',
  );
});
