// Who and what a story is about: the hero, the helper, two places and a thing.

import { a } from './exchange.ts';
import type { Random } from '../random.ts';
import { animals } from '../world/animals.ts';
import { boys, girls, people } from '../world/people.ts';
import { places } from '../world/places.ts';

export type Cast = {
  /** How the request names the hero: "an otter", "Mara", "a girl called Lisa". */
  asked: string;
  /** How the story brings the hero in: "a young otter called Pip". */
  introduced: string;
  name: string;
  he: string;
  him: string;
  his: string;
  helper: string;
  helperName: string;
  place: string;
  otherPlace: string;
  thing: string;
};

const petNames = [
  'Pip',
  'Mo',
  'Lilo',
  'Tuck',
  'Bean',
  'Rusty',
  'Luna',
  'Momo',
  'Fen',
  'Poppy',
  'Ollie',
  'Wren',
  'Max',
  'Nori',
  'Dot',
  'Sunny',
  'Bo',
  'Fleck',
];
export const smallThings = [
  'key',
  'lantern',
  'bell',
  'shell',
  'letter',
  'hat',
  'red ball',
  'kite',
  'feather',
  'compass',
  'map',
  'scarf',
  'spoon',
  'pearl',
  'paper boat',
  'book',
  'coin',
  'flute',
];
const dreamers = [
  'dragon',
  'princess',
  'king',
  'knight',
  'wizard',
  'giant',
  'mermaid',
  'ghost',
  'robot',
  'pirate',
  'sailor',
  'farmer',
  'little boat',
  'bear',
  'wolf',
  'elephant',
  'lion',
  'penguin',
  'queen',
  'witch',
  'monster',
  'unicorn',
  'monkey',
  'snowman',
];
const adjectives = ['young', 'little', 'clever', 'shy', 'curious', 'brave', 'small', 'happy', 'old', 'quiet'];

export function castFor(random: Random, wantedThing?: string): Cast {
  const she = random.chance(0.5);
  const pronouns = she ? { he: 'she', him: 'her', his: 'her' } : { he: 'he', him: 'him', his: 'his' };
  const [place, otherPlace] = random.sample(places, 2).map((item) => `the ${item.name}`) as [string, string];
  const helper = random.pick(people);
  const scene = {
    place,
    otherPlace,
    thing: wantedThing ?? random.pick(smallThings),
    helper: `${helper.name} the ${helper.job}`,
    helperName: helper.name,
  };
  return random.weighted<() => Cast>([
    [
      5,
      () => {
        const animal = random.pick(animals);
        const name = random.pick(petNames);
        return {
          ...scene,
          ...pronouns,
          asked: a(animal.name),
          introduced: `${a(random.pick(adjectives))} ${animal.name} called ${name}`,
          name,
        };
      },
    ],
    [
      2,
      () => {
        const kind = random.pick(dreamers);
        const name = random.pick([...petNames, ...(she ? girls : boys)]);
        return {
          ...scene,
          ...pronouns,
          asked: a(kind),
          introduced: `${a(random.pick(adjectives))} ${kind} called ${name}`,
          name,
        };
      },
    ],
    [
      2,
      () => {
        const name = random.pick(she ? girls : boys);
        const kind = she ? 'girl' : 'boy';
        return {
          ...scene,
          ...pronouns,
          asked: random.chance(0.6)
            ? `a ${kind} called ${name}`
            : random.chance(0.5)
              ? name
              : `a ${kind} named ${name}`,
          introduced: `a ${kind} called ${name}`,
          name,
        };
      },
    ],
    [
      3,
      () => {
        const person = random.pick(people.filter((candidate) => candidate !== helper));
        const own = person.she ? { he: 'she', him: 'her', his: 'her' } : { he: 'he', him: 'him', his: 'his' };
        return {
          ...scene,
          ...own,
          asked: person.name,
          introduced: `${person.name}, the ${person.job} of Ankerwell`,
          name: person.name,
        };
      },
    ],
  ])();
}
