// Text that nobody asked for: stories, poems, village notes. It lets the model continue a text as well as answer.

import { A, capital } from './exchange.ts';
import { poem } from './poems.ts';
import { plainStory } from './stories.ts';
import type { Random } from '../random.ts';
import { animals } from '../world/animals.ts';
import { people } from '../world/people.ts';
import { places } from '../world/places.ts';
import { weekdays } from '../world/words.ts';

const skies = [
  'The sun is shining',
  'It is raining',
  'There is fog on the river',
  'The wind comes from the west',
  'It is cold and clear',
  'A light snow is falling',
  'It is warm and still',
];

/** A page from the harbour book: the weather, who was seen where, an animal. */
function villageNote(random: Random): string {
  const [one, two] = random.sample(people, 2).map((person) => `${person.name} ${person.work} ${person.place}.`) as [
    string,
    string,
  ];
  const animal = random.pick(animals);
  const place = random.pick(places);
  return `${random.pick(weekdays)} in Ankerwell. ${random.pick(skies)}. ${one} ${two} ${A(animal.name)} was seen near the ${place.name}. ${capital(random.pick(['all boats are home.', 'the tide is low.', 'the tide is high.', 'the bread is already sold.', 'the ferry is on time.']))}`;
}

export function plainPiece(random: Random): string {
  return random.weighted<() => string>([
    [5, () => plainStory(random)],
    [3, () => villageNote(random)],
    [1, () => poem(random)],
  ])();
}
