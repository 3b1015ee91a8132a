// Small texts with a question about them: the answer stands in the prompt, not in the village.

import { a, A, capital, type Exchange, type Topic } from './exchange.ts';
import { animals } from '../world/animals.ts';
import { names } from '../world/people.ts';
import { places } from '../world/places.ts';
import { colours } from '../world/words.ts';

const belongings = ['boat', 'kite', 'hat', 'coat', 'lantern', 'basket', 'book', 'scarf', 'bucket', 'ball'];

export const reading: Topic = (random) => {
  const [first, second] = random.sample(names, 2) as [string, string];
  return random.pick<() => Exchange[]>([
    () => {
      const thing = random.pick(belongings);
      const [one, two] = random.sample(colours, 2) as [string, string];
      const [who, colour] = random.pick([
        [first, one],
        [second, two],
      ] as const);
      return [
        {
          user: `${first} has ${a(one)} ${thing}. ${second} has ${a(two)} ${thing}. ${random.pick([`What colour is ${who}'s ${thing}?`, `Which colour is the ${thing} of ${who}?`])}`,
          assistant: `${who}'s ${thing} is ${colour}.`,
          brief: `${capital(colour)}.`,
        },
      ];
    },
    () => {
      const thing = random.pick(belongings);
      const [one, two] = random.sample(colours, 2) as [string, string];
      const [who, colour] = random.pick([
        [first, one],
        [second, two],
      ] as const);
      return [
        {
          user: `${first} has ${a(one)} ${thing} and ${second} has ${a(two)} ${thing}. Who has the ${colour} ${thing}?`,
          assistant: `${who} has the ${colour} ${thing}.`,
          brief: `${who}.`,
        },
      ];
    },
    () => {
      const [one, two] = random.sample(places, 2).map((place) => place.at) as [string, string];
      const [who, where] = random.pick([
        [first, one],
        [second, two],
      ] as const);
      return [
        {
          user: `${first} is ${one}. ${second} is ${two}. Where is ${who}?`,
          assistant: `${who} is ${where}.`,
          brief: capital(`${where}.`),
        },
      ];
    },
    () => {
      const [one, two] = random.sample(animals, 2).map((animal) => animal.name) as [string, string];
      const [who, pet] = random.pick([
        [first, one],
        [second, two],
      ] as const);
      return [
        {
          user: `${first} has ${a(one)} and ${second} has ${a(two)}. Which animal does ${who} have?`,
          assistant: `${who} has ${a(pet)}.`,
          brief: `${A(pet)}.`,
        },
      ];
    },
  ])();
};
