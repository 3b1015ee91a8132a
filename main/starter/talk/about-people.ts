// Questions about the people of the village: their work, animals, coats and favourite food.

import { A, a, capital, type Exchange, type Topic } from './exchange.ts';
import type { Random } from '../random.ts';
import { people, type Person } from '../world/people.ts';

const they = (person: Person): string => (person.she ? 'she' : 'he');
const their = (person: Person): string => (person.she ? 'her' : 'his');
const They = (person: Person): string => capital(they(person));

/** `name` is the name in a first question and "she" or "he" when one knows whom it is about. */
type Question = (random: Random, person: Person, name: string) => Exchange;

const who: Question = (random, person) => {
  const brief = `${person.name} is the ${person.job} of Ankerwell.`;
  return {
    user: random.pick([
      `Who is ${person.name}?`,
      `Who is ${person.name}?`,
      `Tell me about ${person.name}.`,
      `Do you know ${person.name}?`,
      `What do you know about ${person.name}?`,
      `Describe ${person.name}.`,
    ]),
    assistant:
      `${brief} ${They(person)} ${person.work} ${person.place}. ${They(person)} is ${person.trait}, wears ${a(person.coat)} coat and has a ${person.petKind} called ${person.petName}.`.replace(
        / a ([aeiou])/g,
        ' an $1',
      ),
    brief,
  };
};

const work: Question = (random, person, name) => ({
  user: random.pick([
    `What does ${name} do?`,
    `What is ${name === person.name ? `${name}'s` : their(person)} job?`,
    `What does ${name} do all day?`,
  ]),
  assistant: `${capital(name)} is ${a(person.job)}. ${They(person)} ${person.work}.`,
  brief: `${They(person)} ${person.work}.`,
});

const place: Question = (random, person, name) => ({
  user: random.pick([
    `Where does ${name} work?`,
    `Where can I find ${name === person.name ? name : person.she ? 'her' : 'him'}?`,
  ]),
  assistant: `${capital(name)} works ${person.place}.`,
  brief: capital(`${person.place}.`),
});

const pet: Question = (random, person, name) => {
  const owner = name === person.name ? `${name}'s` : their(person);
  const byKind = random.chance(0.5);
  return {
    user: byKind
      ? `What is the name of ${owner} ${person.petKind}?`
      : random.pick([`What animal does ${name} have?`, `Does ${name} have a pet?`, `Which animal does ${name} have?`]),
    assistant: byKind
      ? `${capital(owner)} ${person.petKind} is called ${person.petName}.`
      : `${capital(name)} has ${a(person.petKind)} called ${person.petName}.`,
    brief: byKind ? `${person.petName}.` : `${A(person.petKind)} called ${person.petName}.`,
  };
};

const coat: Question = (random, person, name) => ({
  user: random.pick([
    `What colour is ${name === person.name ? `${name}'s` : their(person)} coat?`,
    `What does ${name} wear?`,
  ]),
  assistant: `${capital(name)} wears ${a(person.coat)} coat.`,
  brief: capital(`${person.coat}.`),
});

const food: Question = (random, person, name) => ({
  user: random.pick([
    `What does ${name} like to eat?`,
    `What is ${name === person.name ? `${name}'s` : their(person)} favourite food?`,
  ]),
  assistant: `${capital(name)} likes ${person.food} best.`,
  brief: capital(`${person.food}.`),
});

const hobby: Question = (random, person, name) => ({
  user: random.pick([
    `What does ${name} like to do?`,
    `What is ${name === person.name ? `${name}'s` : their(person)} hobby?`,
  ]),
  assistant: `${capital(name)} likes to ${person.hobby}.`,
  brief: capital(`${person.hobby}.`),
});

const character: Question = (random, person, name) => ({
  user: random.pick([`What is ${name} like?`, `Is ${name} nice?`]),
  assistant: `${capital(name)} is ${person.trait} and likes to ${person.hobby}.`,
  brief: `${They(person)} is ${person.trait}.`,
});

const questions: readonly (readonly [number, Question])[] = [
  [5, who],
  [3, work],
  [3, place],
  [3, pet],
  [2, coat],
  [2, food],
  [2, hobby],
  [1, character],
];

export const personFact: Topic = (random) => {
  const person = random.pick(people);
  const turns = random.weighted([
    [6, 1],
    [3, 2],
    [1, 3],
  ] as const);
  const asked = new Set<Question>();
  const exchanges: Exchange[] = [];
  while (exchanges.length < turns) {
    const question = random.weighted(questions);
    const first = exchanges.length === 0;
    if (asked.has(question) || (question === who && !first)) continue;
    asked.add(question);
    exchanges.push(question(random, person, first ? person.name : they(person)));
  }
  return exchanges;
};

/** "bakes bread" as well as "bakes bread and cakes", unless the short form would fit several people. */
function shortWork(random: Random, person: Person): string {
  return person.work.startsWith('makes') || random.chance(0.5)
    ? person.work
    : person.work.replace(/ (and|with|from|up and) .*$/, '');
}

/** From the job, the animal or the coat back to the person. */
export const whoIsIt: Topic = (random) => {
  const person = random.pick(people);
  return [
    random.weighted<() => Exchange>([
      [
        4,
        () => ({
          user: random.pick([
            `Who is the ${person.job}?`,
            `Who is the ${person.job} of Ankerwell?`,
            `What is the name of the ${person.job}?`,
          ]),
          assistant: `The ${person.job} of Ankerwell is ${person.name}.`,
          brief: `${person.name}.`,
        }),
      ],
      [
        3,
        () => ({
          user: `Who ${shortWork(random, person)}?`,
          assistant: `${person.name} ${person.work}. ${They(person)} is the ${person.job}.`,
          brief: `${person.name}.`,
        }),
      ],
      [
        2,
        () => ({
          user: `Who has a ${person.petKind} called ${person.petName}?`.replace(/ a ([aeiou])/, ' an $1'),
          assistant: `${person.name} has ${a(person.petKind)} called ${person.petName}.`,
          brief: `${person.name}.`,
        }),
      ],
      [
        2,
        () => ({
          user: `Who is ${person.petName}?`,
          assistant: `${person.petName} is the ${person.petKind} of ${person.name}, the ${person.job}.`,
          brief: `${person.name}'s ${person.petKind}.`,
        }),
      ],
      [
        1,
        () => ({
          user: `Who likes ${person.food}?`,
          assistant: `${person.name} likes ${person.food} best.`,
          brief: `${person.name}.`,
        }),
      ],
    ])(),
  ];
};

export const jobFact: Topic = (random) => {
  const person = random.pick(people);
  const brief = `${A(person.job)} ${person.work}.`;
  return [
    random.pick<() => Exchange>([
      () => ({
        user: random.pick([
          `What is ${a(person.job)}?`,
          `What does ${a(person.job)} do?`,
          `Tell me about the work of ${a(person.job)}.`,
        ]),
        assistant: `${brief} In Ankerwell the ${person.job} is ${person.name}, who works ${person.place}.`,
        brief,
      }),
      () => ({
        user: random.pick([`What does ${a(person.job)} need?`, `Which tool does ${a(person.job)} use?`]),
        assistant: `${A(person.job)} needs ${person.tool}.`,
        brief: capital(`${person.tool}.`),
      }),
    ])(),
  ];
};
