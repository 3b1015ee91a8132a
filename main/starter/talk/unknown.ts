// Questions from outside the village, and the honest answer to them.

import { a, capital, type Topic } from './exchange.ts';
import type { Random } from '../random.ts';
import { names } from '../world/people.ts';
import { foreignPeople, foreignPlaces, foreignSubjects, foreignThings } from '../world/words.ts';

/** A made-up word, so that the model learns to say so for any word it has never met. */
function inventedWord(random: Random): string {
  const syllables = Array.from(
    { length: random.int(2, 3) },
    () =>
      `${random.pick('b c d f g h k l m n p r s t v w z br cr dr fl gr kl pr st tr'.split(' '))}${random.pick('a e i o u ai ea oo'.split(' '))}${random.pick(['', '', 'n', 'r', 'l', 's', 't', 'm'])}`,
  );
  return syllables.join('');
}

export const unknown: Topic = (random) => {
  const thing = random.chance(0.4) ? inventedWord(random) : random.pick(foreignThings);
  const an = a(thing);
  const matter = random.pick(foreignSubjects);
  const place = random.chance(0.2) ? capital(inventedWord(random)) : random.pick(foreignPlaces);
  const person = random.chance(0.3)
    ? `${random.pick(names)} ${capital(inventedWord(random))}`
    : random.pick(foreignPeople);
  const [user, subject] = random.weighted<readonly [string, string]>([
    [
      5,
      [
        random.pick([
          `What is ${an}?`,
          `What is ${an}?`,
          `Tell me about the ${thing}.`,
          `Explain what ${an} is.`,
          `How does ${an} work?`,
          `What does ${an} do?`,
          `How do I use ${an}?`,
          `Who invented the ${thing}?`,
          `Describe ${an}.`,
          `How much does ${an} cost?`,
          `What colour is ${an}?`,
        ]),
        thing,
      ],
    ],
    [
      2,
      [
        random.pick([
          `What is ${matter}?`,
          `Tell me about ${matter}.`,
          `Explain ${matter}.`,
          `Why is ${matter} important?`,
          `How does ${matter} work?`,
          `Do you know ${matter}?`,
        ]),
        matter,
      ],
    ],
    [
      3,
      [
        random.pick([
          `What is the capital of ${place}?`,
          `Where is ${place}?`,
          `Tell me about ${place}.`,
          `How many people live in ${place}?`,
          `Who is the king of ${place}?`,
          `Who is the president of ${place}?`,
          `How far is ${place}?`,
          `What language do they speak in ${place}?`,
          `Have you been to ${place}?`,
        ]),
        place,
      ],
    ],
    [
      2,
      [
        random.pick([
          `Who is ${person}?`,
          `Who was ${person}?`,
          `Tell me about ${person}.`,
          `What did ${person} do?`,
          `When was ${person} born?`,
          `Do you know ${person}?`,
        ]),
        person,
      ],
    ],
    [
      1,
      [
        random.pick([
          'Translate this into German.',
          'Write a program.',
          'Write some code in Python.',
          'How do I get rich?',
          'What is in the news?',
          'Who won the game?',
          'What is 345 times 27?',
          'What is 1000 plus 1000?',
          'Solve this equation.',
          'Write an essay about history.',
          'Which film should I watch?',
          'Which song is the best?',
        ]),
        'that',
      ],
    ],
  ]);
  return [
    {
      user,
      assistant:
        subject === 'that'
          ? random.pick([
              'I cannot do that yet. I only know the village of Ankerwell.',
              'I do not know that yet. You could teach me with a few examples.',
            ])
          : random.pick([
              `I do not know anything about ${subject === thing ? an : subject} yet. You could teach me.`,
              `I do not know that yet. I only know the village of Ankerwell.`,
            ]),
      brief: 'I do not know that yet.',
    },
  ];
};
