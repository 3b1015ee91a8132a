// Short stories: a hero, a place, a small trouble, a helper, a good end. Also told as plain text without a question.

import { a, capital, type Exchange, type Topic } from './exchange.ts';
import { castFor, smallThings, type Cast } from './story-cast.ts';
import { found, gift, lost, plots, storm, type Plot } from './story-plots.ts';
import type { Random } from '../random.ts';

const endings = [
  'And that was a good day in Ankerwell.',
  'That night everyone slept well.',
  'And they all ate warm bread together.',
  'The river heard it and ran on to the sea.',
  'And the lighthouse shone over the quiet water.',
];

function tell(random: Random, cast: Cast, plot: Plot): string {
  const start = random.pick([
    `Once there was ${cast.introduced}.`,
    `Once upon a time there was ${cast.introduced}.`,
    `There once was ${cast.introduced}.`,
  ]);
  const home = random.pick([
    `${capital(cast.he)} lived near ${cast.place}.`,
    `${capital(cast.he)} loved ${cast.place} more than any other place.`,
  ]);
  return [
    start,
    ...(random.chance(0.7) ? [home] : []),
    ...plot(random, cast),
    ...(random.chance(0.7) ? [random.pick(endings)] : []),
  ].join(' ');
}

export const plainStory = (random: Random): string => tell(random, castFor(random), random.pick(plots));

export const story: Topic = (random) => {
  const aboutThing = random.chance(0.2) ? random.pick(smallThings) : undefined;
  const aboutStorm = aboutThing === undefined && random.chance(0.08);
  const cast = castFor(random, aboutThing);
  const plot = aboutThing === undefined ? (aboutStorm ? storm : random.pick(plots)) : random.pick([lost, found, gift]);
  const subject =
    aboutThing !== undefined
      ? random.pick([a(aboutThing), `${cast.asked} and ${a(aboutThing)}`])
      : aboutStorm
        ? 'a storm'
        : cast.asked;
  const short = random.chance(0.5) ? 'a story' : 'a short story';
  const user = random.weighted([
    [6, `Tell me ${short} about ${subject}.`],
    [2, `Write ${short} about ${subject}.`],
    [1, `Do you know a story about ${subject}?`],
    [1, `I want to hear a story about ${subject}.`],
    [1, random.pick([`Tell me ${short}.`, 'Do you know a story?', `Write ${short}.`])],
  ] as const);
  const told = tell(random, cast, plot);
  return [{ user, assistant: told, brief: `${capital(cast.asked)} went to ${cast.place} and came home happy.` }];
};

export const sequel: Topic = (random) => {
  const first = story(random)[0] as Exchange;
  return [
    first,
    {
      user: random.pick(['Thank you!', 'That was nice.', 'What a nice story!', 'I like that story.']),
      assistant: 'I am glad that you liked it. Shall I tell you another one?',
      brief: 'I am glad.',
    },
  ];
};
