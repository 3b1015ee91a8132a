// Four-line poems in rhymed couplets; the first couplet names what was asked for.

import { a, capital, type Topic } from './exchange.ts';
import type { Random } from '../random.ts';
import { animals } from '../world/animals.ts';
import { things } from '../world/things.ts';

/** Openings for an animal or a thing, called X. */
const openings = [
  ['I saw {x} at break of day,', 'it looked at me and went away.'],
  ['I dreamed of {x} last night,', 'it shone so softly in the light.'],
  ['Down by the water, near the tree,', 'there was {x} that smiled at me.'],
  ['I asked {x} about the sea,', 'but not one word it said to me.'],
  ['There was {x} beside the door,', 'and I had never seen it before.'],
  ['I drew {x} upon the sand,', 'the waves came softly to the land.'],
] as const;

const closings = [
  ['The river sings its quiet song', 'and carries all our dreams along.'],
  ['The moon comes up, the wind is low,', 'and home the little boats will go.'],
  ['The lighthouse turns its golden eye', 'and writes a line across the sky.'],
  ['The bell rings out, the day is done,', 'we said good night to the red sun.'],
  ['The rain may fall, the wind may blow,', 'the light will tell us where to go.'],
  ['So take my hand and walk with me', 'along the river to the sea.'],
  ['The tide goes out, the tide comes in,', 'and so the days of spring begin.'],
  ['The gulls fly home, the nets are dry,', 'a single star is in the sky.'],
] as const;

const general = [
  ['The morning fog is soft and grey,', 'it hides the boats inside the bay.'],
  ['The baker wakes before the sun,', 'and warm and brown is every bun.'],
  ['The water runs, the wheel goes round,', 'it makes a soft and happy sound.'],
] as const;

export function poem(random: Random, subject?: string): string {
  const [one, two] = subject === undefined ? random.pick(general) : random.pick(openings);
  const [three, four] = random.pick(closings);
  return [one, two, three, four].join('\n').replace('{x}', subject ?? '');
}

export const poemTopic: Topic = (random) => {
  const countable = [...animals, ...things.filter((thing) => thing.article === 'a')];
  const subject = random.chance(0.85) ? a(random.pick(countable).name) : undefined;
  const about =
    subject === undefined
      ? random.pick(['', '', ' about the river', ' about the village', ' about the sea'])
      : ` about ${subject}`;
  const text = poem(random, subject);
  return [
    {
      user: random.pick([
        `Write a poem${about}.`,
        `Write a short poem${about}.`,
        `Write me a little poem${about}.`,
        `Do you know a poem${about}?`,
        `Tell me a poem${about}.`,
      ]),
      assistant: text,
      brief: capital(text.split('\n').slice(0, 2).join('\n')),
    },
  ];
};
