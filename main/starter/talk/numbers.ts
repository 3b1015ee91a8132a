// Small arithmetic, counting and word problems with numbers up to about twenty.

import { capital, plural, type Exchange, type Topic } from './exchange.ts';
import { names } from '../world/people.ts';
import { numberWords } from '../world/words.ts';

const inWords = (value: number): string => numberWords[value] ?? String(value);

type Sum = { left: number; right: number; result: number; sign: string; word: string };

const sums: Sum[] = [];
for (let left = 0; left <= 10; left += 1) {
  for (let right = 0; right <= 10; right += 1) {
    sums.push({ left, right, result: left + right, sign: '+', word: 'plus' });
    if (left >= right) sums.push({ left, right, result: left - right, sign: '-', word: 'minus' });
    if (left <= 5 && right <= 4) sums.push({ left, right, result: left * right, sign: 'x', word: 'times' });
  }
}

export const arithmetic: Topic = (random) => {
  const sum = random.pick(sums);
  const digits = `${String(sum.left)} ${sum.word} ${String(sum.right)}`;
  return [
    random.weighted<() => Exchange>([
      [
        4,
        () => ({
          user: random.pick([
            `What is ${digits}?`,
            `How much is ${digits}?`,
            `${digits}?`,
            `Can you do this sum? ${digits}`,
          ]),
          assistant: `${digits} is ${String(sum.result)}.`,
          brief: `${String(sum.result)}.`,
        }),
      ],
      [
        4,
        () => {
          const signs = `${String(sum.left)} ${sum.sign} ${String(sum.right)}`;
          return {
            user: random.pick([`What is ${signs}?`, `${signs} =`, `${signs}`, `How much is ${signs}?`]),
            assistant: `${digits} is ${String(sum.result)}.`,
            brief: `${String(sum.result)}.`,
          };
        },
      ],
      [
        3,
        () => {
          const words = `${inWords(sum.left)} ${sum.word} ${inWords(sum.right)}`;
          return {
            user: random.pick([`What is ${words}?`, `How much is ${words}?`]),
            assistant: `${capital(words)} is ${inWords(sum.result)}.`,
            brief: `${capital(inWords(sum.result))}.`,
          };
        },
      ],
    ])(),
  ];
};

const countables = [
  'apple',
  'shell',
  'fish',
  'boat',
  'egg',
  'key',
  'stone',
  'feather',
  'candle',
  'book',
  'pear',
  'net',
  'letter',
  'kite',
  'bell',
];

export const wordProblem: Topic = (random) => {
  const [name] = random.sample(names, 1) as [string];
  const noun = random.pick(countables);
  const things = noun === 'fish' ? 'fish' : plural(noun);
  const start = random.int(2, 10);
  const more = random.chance(0.5);
  const change = more ? random.int(1, 8) : random.int(1, start - 1);
  const result = more ? start + change : start - change;
  const act = more
    ? random.pick([`finds ${String(change)} more`, `gets ${String(change)} more`])
    : random.pick([`gives away ${String(change)}`, `loses ${String(change)}`]);
  const left = result === 1 ? `1 ${noun}` : `${String(result)} ${things}`;
  return [
    {
      user: `${name} has ${String(start)} ${things} and ${act}. How many ${things} does ${name} have now?`,
      assistant: `${name} has ${left} now, because ${String(start)} ${more ? 'plus' : 'minus'} ${String(change)} is ${String(result)}.`,
      brief: `${name} has ${left}.`,
    },
  ];
};

export const counting: Topic = (random) =>
  random.pick<() => Exchange[]>([
    () => {
      const from = random.int(0, 8);
      const to = random.int(from + 2, Math.min(from + 8, 12));
      const numbers = Array.from({ length: to - from + 1 }, (_, i) => String(from + i)).join(', ');
      return [
        {
          user: random.pick([
            `Count from ${String(from)} to ${String(to)}.`,
            `Please count from ${String(from)} to ${String(to)}.`,
            ...(from === 1 ? [`Count to ${String(to)}.`, `Count to ${String(to)}.`] : []),
          ]),
          assistant: `${numbers}.`,
          brief: `${numbers}.`,
        },
      ];
    },
    () => {
      const value = random.int(1, 19);
      const after = random.chance(0.5);
      return [
        {
          user: `Which number comes ${after ? 'after' : 'before'} ${String(value)}?`,
          assistant: `The number ${after ? 'after' : 'before'} ${String(value)} is ${String(after ? value + 1 : value - 1)}.`,
          brief: `${String(after ? value + 1 : value - 1)}.`,
        },
      ];
    },
    () => {
      const [first, second] = random.sample(
        Array.from({ length: 21 }, (_, i) => i),
        2,
      ) as [number, number];
      const bigger = random.chance(0.5);
      const answer = bigger ? Math.max(first, second) : Math.min(first, second);
      const rest = first + second - answer;
      const word = bigger ? 'bigger' : 'smaller';
      return [
        {
          user: `Which is ${word}, ${String(first)} or ${String(second)}?`,
          assistant: `${String(answer)} is ${word} than ${String(rest)}.`,
          brief: `${String(answer)}.`,
        },
      ];
    },
  ])();
