// Questions about objects, food, weather, nature and places: what they are, where, of which colour.

import { a, capital, plural, type Exchange, type Topic } from './exchange.ts';
import { places } from '../world/places.ts';
import { thingPlurals, things, type Thing } from '../world/things.ts';

const withArticle = (thing: Thing): string =>
  thing.article === 'a' ? a(thing.name) : thing.article === 'the' ? `the ${thing.name}` : thing.name;

const manyOf = (thing: Thing): string => thingPlurals[thing.name] ?? plural(thing.name);

export const thingFact: Topic = (random) => {
  const thing = random.pick(things);
  const noun = withArticle(thing);
  const brief = `${capital(noun)} is ${thing.what}.`;
  const several =
    thing.article === 'a'
      ? [`What are ${manyOf(thing)}?`, `Tell me about ${manyOf(thing)}.`]
      : [`Tell me about ${noun}.`];
  const first: Exchange = {
    user: random.pick([
      `What is ${noun}?`,
      `What is ${noun}?`,
      `Describe ${noun}.`,
      `Explain what ${noun} is.`,
      `Tell me about ${noun}.`,
      `Tell me something about ${noun}.`,
      `Do you know what ${noun} is?`,
      ...several,
    ]),
    assistant: `${brief} ${thing.fact}`,
    brief,
  };
  if (thing.kind === 'season' || thing.colour === '' || random.chance(0.75)) return [first];
  const seasonless: Exchange = {
    user: random.pick(['What colour is it?', 'Which colour does it have?']),
    assistant: thing.colour === 'clear' ? 'It has no colour.' : `It is usually ${thing.colour}.`,
    brief: thing.colour === 'clear' ? 'None.' : `${capital(thing.colour)}.`,
  };
  const more: Exchange = {
    user: random.pick(['Tell me more.', 'Tell me more about it.', 'What else do you know about it?']),
    assistant: thing.fact,
    brief: thing.fact,
  };
  return random.chance(0.5) ? [first, seasonless] : [{ ...first, assistant: brief }, more];
};

export const thingColour: Topic = (random) => {
  const thing = random.pick(things.filter((candidate) => candidate.kind !== 'season' && candidate.colour !== ''));
  const noun = withArticle(thing);
  const clear = thing.colour === 'clear';
  return [
    {
      user: random.pick([`What colour is ${noun}?`, `Which colour does ${noun} have?`]),
      assistant: clear ? `${capital(noun)} has no colour.` : `${capital(noun)} is usually ${thing.colour}.`,
      brief: clear ? 'None.' : `${capital(thing.colour)}.`,
    },
  ];
};

/** "Which tool shows where north is?": the definition the other way round. */
export const findWord: Topic = (random) => {
  const thing = random.pick(things);
  const noun = withArticle(thing);
  return [
    {
      user: random.pick([
        `What do you call ${thing.what}?`,
        `What is the word for ${thing.what}?`,
        `I am looking for a word. It means ${thing.what}.`,
      ]),
      assistant: random.pick([`That is ${noun}.`, `You call it ${noun}.`]),
      brief: capital(`${noun}.`),
    },
  ];
};

export const placeFact: Topic = (random) => {
  const place = random.pick(places);
  const noun = `the ${place.name}`;
  return random.weighted<() => Exchange[]>([
    [
      4,
      () => [
        {
          user: random.pick([
            `What is ${noun}?`,
            `Describe ${noun}.`,
            `Tell me about ${noun}.`,
            `What is ${noun} like?`,
            `Tell me something about ${noun}.`,
            `What does ${noun} look like?`,
          ]),
          assistant: `${capital(noun)} is ${place.what}. It is ${place.where}. ${place.detail}`,
          brief: `${capital(noun)} is ${place.what}.`,
        },
      ],
    ],
    [
      3,
      () => [
        {
          user: random.pick([
            `Where is ${noun}?`,
            `How do I get to ${noun}?`,
            `How can I find ${noun}?`,
            `Where can I find ${noun}?`,
          ]),
          assistant: `${capital(noun)} is ${place.where}.`,
          brief: capital(`${place.where}.`),
        },
      ],
    ],
    [
      3,
      () => [
        {
          user: random.pick([
            `What can I do ${place.at}?`,
            `What can you do ${place.at}?`,
            `Why should I go to ${noun}?`,
            `Is ${noun} worth a visit?`,
          ]),
          assistant: `${capital(place.at)} you can ${place.can}. ${place.detail}`,
          brief: `You can ${place.can}.`,
        },
      ],
    ],
    [
      1,
      () => [
        {
          user: `Where is ${noun}?`,
          assistant: `${capital(noun)} is ${place.where}.`,
          brief: capital(`${place.where}.`),
        },
        {
          user: random.pick(['What can I do there?', 'And what can I do there?']),
          assistant: `You can ${place.can}.`,
          brief: capital(`${place.can}.`),
        },
      ],
    ],
  ])();
};

/** "Where can I buy warm bread?" */
export const whereTo: Topic = (random) => {
  const place = random.pick(places);
  return [
    {
      user: `Where can I ${place.can}?`,
      assistant: `You can ${place.can} ${place.at}.`,
      brief: capital(`${place.at}.`),
    },
  ];
};
