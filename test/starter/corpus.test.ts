import { expect, test } from 'vitest';
import { documents, type Document } from '../../main/starter/corpus.ts';
import { arithmetic } from '../../main/starter/talk/numbers.ts';
import { createRandom } from '../../main/starter/random.ts';
import { table } from '../../main/starter/world/table.ts';

function take(seed: number, count: number): Document[] {
  const taken: Document[] = [];
  for (const document of documents(seed)) {
    taken.push(document);
    if (taken.length === count) break;
  }
  return taken;
}

const sample = take(5, 4000);
const answers = sample.flatMap((document) =>
  document.kind === 'text'
    ? [document.text]
    : document.messages.filter((message) => message.role === 'assistant').map((message) => message.content),
);
const questions = sample.flatMap((document) =>
  document.kind === 'text'
    ? []
    : document.messages.filter((message) => message.role === 'user').map((message) => message.content),
);

test('the same seed tells the same, another seed something else', () => {
  expect(take(11, 200)).toEqual(take(11, 200));
  expect(take(11, 200)).not.toEqual(take(12, 200));
});

test('a conversation alternates and ends with the assistant', () => {
  for (const document of sample) {
    if (document.kind === 'text') continue;
    const roles = document.messages.map((message) => message.role).filter((role) => role !== 'system');
    expect(roles.length % 2).toBe(0);
    roles.forEach((role, i) => expect(role).toBe(i % 2 === 0 ? 'user' : 'assistant'));
    expect(document.messages.slice(1).every((message) => message.role !== 'system')).toBe(true);
  }
});

test('no hole is left in a sentence', () => {
  for (const text of [...answers, ...questions]) {
    expect(text).not.toMatch(/undefined|null|NaN|\{|\}|\|| {2}|\.\.|\s$|^\s/);
    expect(text.length).toBeGreaterThan(1);
  }
});

test('answers begin like a sentence and end like one', () => {
  for (const text of answers) {
    expect(text).toMatch(/^["A-Z0-9]/);
    expect(text).toMatch(/[.!?"]$/);
  }
});

test('a and an stand before the right words', () => {
  for (const text of answers) {
    expect(text).not.toMatch(/\b[Aa] (?!uni)[aeiou][a-z]/);
    expect(text).not.toMatch(/\b[Aa]n (?!hour)[b-df-hj-np-tv-z]/);
  }
});

test('questions are many and answers vary', () => {
  expect(new Set(questions).size).toBeGreaterThan(questions.length * 0.5);
  expect(new Set(answers).size).toBeGreaterThan(1500);
});

test('a manner of speaking is kept in every answer', () => {
  let seen = 0;
  for (const document of documents(5, { mannered: 1, practice: 0.5 })) {
    if (document.kind === 'text') continue;
    const [system, ...rest] = document.messages;
    const said = rest.filter((message) => message.role === 'assistant').map((message) => message.content);
    const quoted = [...(system?.content ?? '').matchAll(/"([^"]+)"/g)].map(([, phrase = '']) => phrase);
    expect(quoted.length).toBeGreaterThan(0);
    for (const phrase of quoted)
      for (const text of said) expect(text.startsWith(`${phrase} `) || text.endsWith(` ${phrase}`)).toBe(true);
    seen += 1;
    if (seen === 300) break;
  }
});

test('sums are right', () => {
  const random = createRandom(3);
  const words =
    'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty'.split(
      ' ',
    );
  const value = (word: string): number => (/\d/.test(word) ? Number(word) : words.indexOf(word.toLowerCase()));
  for (let i = 0; i < 300; i += 1) {
    const [exchange] = arithmetic(random);
    const parts = /^(\w+) (plus|minus|times) (\w+) is (\w+)\.$/.exec(exchange?.assistant ?? '');
    expect(parts).not.toBeNull();
    const [, left = '', operation, right = '', result = ''] = parts ?? [];
    const [a, b] = [value(left), value(right)];
    expect(value(result)).toBe(operation === 'plus' ? a + b : operation === 'minus' ? a - b : a * b);
  }
});

test('a table row of another width is refused', () => {
  expect(table(2, '\na | b\nc | d\n')).toEqual([
    ['a', 'b'],
    ['c', 'd'],
  ]);
  expect(() => table(3, 'a | b')).toThrow('3 cells expected, 2 found: a | b');
});
