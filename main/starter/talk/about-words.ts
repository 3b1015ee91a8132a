// Opposites, the calendar, colours and rows of things.

import { capital, list, plural, type Exchange, type Topic } from './exchange.ts';
import { places } from '../world/places.ts';
import { people } from '../world/people.ts';
import { thingPlurals, things } from '../world/things.ts';
import { colours, months, oppositeOf, seasonOfMonth, weekdays } from '../world/words.ts';

export const opposite: Topic = (random) => {
  const [word, other] = random.pick([...oppositeOf]);
  return [
    {
      user: random.pick([
        `What is the opposite of ${word}?`,
        `What is the opposite of "${word}"?`,
        `Which word is the opposite of ${word}?`,
        `Opposite of ${word}?`,
      ]),
      assistant: `The opposite of ${word} is ${other}.`,
      brief: `${capital(other)}.`,
    },
  ];
};

export const calendar: Topic = (random) =>
  random.pick<() => Exchange[]>([
    () => {
      const i = random.int(0, 6);
      const after = random.chance(0.5);
      const day = weekdays[i] ?? '';
      const next = weekdays[(i + (after ? 1 : 6)) % 7] ?? '';
      return [
        {
          user: random.pick([
            `Which day comes ${after ? 'after' : 'before'} ${day}?`,
            `What day is ${after ? 'after' : 'before'} ${day}?`,
          ]),
          assistant: `The day ${after ? 'after' : 'before'} ${day} is ${next}.`,
          brief: `${next}.`,
        },
      ];
    },
    () => {
      const i = random.int(0, 11);
      const after = random.chance(0.5);
      const month = months[i] ?? '';
      const next = months[(i + (after ? 1 : 11)) % 12] ?? '';
      return [
        {
          user: random.pick([
            `Which month comes ${after ? 'after' : 'before'} ${month}?`,
            `What month is ${after ? 'after' : 'before'} ${month}?`,
          ]),
          assistant: `The month ${after ? 'after' : 'before'} ${month} is ${next}.`,
          brief: `${next}.`,
        },
      ];
    },
    () => {
      const i = random.int(0, 11);
      return [
        {
          user: random.pick([`In which season is ${months[i] ?? ''}?`, `Which season is ${months[i] ?? ''} in?`]),
          assistant: `${months[i] ?? ''} is in ${seasonOfMonth[i] ?? ''}.`,
          brief: `${capital(seasonOfMonth[i] ?? '')}.`,
        },
      ];
    },
    () => [
      {
        user: random.pick([
          'Name the days of the week.',
          'What are the days of the week?',
          'Which days does a week have?',
        ]),
        assistant: `The days of the week are ${list(weekdays)}.`,
        brief: `${list(weekdays)}.`,
      },
    ],
    () => [
      {
        user: random.pick(['Name the four seasons.', 'What are the seasons?', 'Which seasons are there?']),
        assistant: 'The four seasons are spring, summer, autumn and winter.',
        brief: 'Spring, summer, autumn and winter.',
      },
    ],
    () => [
      {
        user: random.pick(['How many days does a week have?', 'How many days are in a week?']),
        assistant: 'A week has seven days.',
        brief: 'Seven.',
      },
    ],
    () => [
      {
        user: random.pick(['How many months does a year have?', 'How many months are in a year?']),
        assistant: 'A year has twelve months.',
        brief: 'Twelve.',
      },
    ],
    () => [
      {
        user: random.pick(['Name the months of the year.', 'What are the months of the year?']),
        assistant: `The months are ${list(months)}.`,
        brief: `${list(months)}.`,
      },
    ],
  ])();

const count = ['', '', 'two', 'three', 'four'];

export const nameSome: Topic = (random) => {
  const [what, pool] = random.pick<readonly [string, string[]]>([
    ['colours', colours],
    ['people of Ankerwell', people.map((person) => person.name)],
    ['places in Ankerwell', places.map((place) => `the ${place.name}`)],
    [
      'tools',
      things.filter((thing) => thing.kind === 'tool').map((thing) => thingPlurals[thing.name] ?? plural(thing.name)),
    ],
    [
      'kinds of boats',
      things.filter((thing) => thing.kind === 'boat').map((thing) => thingPlurals[thing.name] ?? plural(thing.name)),
    ],
    ['parts of a ship', things.filter((thing) => thing.kind === 'boat part').map((thing) => `the ${thing.name}`)],
    [
      'foods',
      things
        .filter((thing) => thing.kind === 'food')
        .map((thing) => (thing.article === 'a' ? (thingPlurals[thing.name] ?? plural(thing.name)) : thing.name)),
    ],
    [
      'plants',
      things
        .filter((thing) => thing.kind === 'plant')
        .map((thing) => (thing.article === 'a' ? (thingPlurals[thing.name] ?? plural(thing.name)) : thing.name)),
    ],
    ['jobs', people.map((person) => person.job)],
    ['materials', things.filter((thing) => thing.kind === 'material').map((thing) => thing.name)],
  ]);
  const n = random.int(2, 4);
  const picked = list(random.sample(pool, n));
  return [
    {
      user: random.pick([
        `Name ${count[n] ?? ''} ${what}.`,
        `Tell me ${count[n] ?? ''} ${what}.`,
        `Can you name ${count[n] ?? ''} ${what}?`,
        `Which ${what} do you know?`,
      ]),
      assistant: `${capital(count[n] ?? '')} ${what} are ${picked}.`,
      brief: `${capital(picked)}.`,
    },
  ];
};
