// One question and its answer, and the small grammar that the topics share: articles, lists, the ways people type.

import type { Random } from '../random.ts';

export type Exchange = {
  user: string;
  assistant: string;
  /** The same answer in as few words as possible. */
  brief: string;
};

/** A topic talks for one turn, or for a few that belong together. */
export type Topic = (random: Random) => Exchange[];

export const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** "an otter", "a heron", "a unicorn". */
export const a = (noun: string): string => `${/^(?!uni)[aeiou]/i.test(noun) ? 'an' : 'a'} ${noun}`;

/** "An otter", "A heron". */
export const A = (noun: string): string => capital(a(noun));

/** "an otter, a heron and a duck". */
export function list(items: readonly string[], last = 'and'): string {
  if (items.length < 2) return items.join('');
  return `${items.slice(0, -1).join(', ')} ${last} ${items.at(-1) ?? ''}`;
}

/** Regular plurals; the animals have a table for the others. */
export function plural(noun: string): string {
  if (/(s|sh|ch|x)$/.test(noun)) return `${noun}es`;
  if (/[^aeiou]y$/.test(noun)) return `${noun.slice(0, -1)}ies`;
  return `${noun}s`;
}

/** The question as somebody in a hurry, or somebody polite, would type it. */
export function asTyped(random: Random, question: string): string {
  const isRequest = /^(Tell|Write|Describe|Name|Count|Explain|Show|Give|Say|Repeat)/.test(question);
  return random.weighted<() => string>([
    [70, () => question],
    [7, () => question.replace(/[?.!]$/, '')],
    [7, () => question.charAt(0).toLowerCase() + question.slice(1)],
    [8, () => question.toLowerCase().replace(/[?.!]$/, '')],
    [4, () => (isRequest ? `Please ${question.charAt(0).toLowerCase()}${question.slice(1)}` : question)],
    [
      4,
      () =>
        isRequest
          ? `Can you ${question.charAt(0).toLowerCase()}${question.slice(1).replace(/\.$/, '')}?`
          : `Tell me: ${question.charAt(0).toLowerCase()}${question.slice(1)}`,
    ],
  ])();
}
