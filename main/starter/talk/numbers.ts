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
  const digits = `${sum.left} ${sum.word} ${sum.right}`;
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
          assistant: `${digits} is ${sum.result}.`,
          brief: `${sum.result}.`,
        }),
      ],
      [
        4,
        () => {
          const signs = `${sum.left} ${sum.sign} ${sum.right}`;
          return {
            user: random.pick([`What is ${signs}?`, `${signs} =`, signs, `How much is ${signs}?`]),
            assistant: `${digits} is ${sum.result}.`,
            brief: `${sum.result}.`,
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
    ? random.pick([`finds ${change} more`, `gets ${change} more`])
    : random.pick([`gives away ${change}`, `loses ${change}`]);
  const left = result === 1 ? `1 ${noun}` : `${result} ${things}`;
  return [
    {
      user: `${name} has ${start} ${things} and ${act}. How many ${things} does ${name} have now?`,
      assistant: `${name} has ${left} now, because ${start} ${more ? 'plus' : 'minus'} ${change} is ${result}.`,
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
            `Count from ${from} to ${to}.`,
            `Please count from ${from} to ${to}.`,
            ...(from === 1 ? [`Count to ${to}.`, `Count to ${to}.`] : []),
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
          user: `Which number comes ${after ? 'after' : 'before'} ${value}?`,
          assistant: `The number ${after ? 'after' : 'before'} ${value} is ${after ? value + 1 : value - 1}.`,
          brief: `${after ? value + 1 : value - 1}.`,
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
          user: `Which is ${word}, ${first} or ${second}?`,
          assistant: `${answer} is ${word} than ${rest}.`,
          brief: `${answer}.`,
        },
      ];
    },
  ])();
