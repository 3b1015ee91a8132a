// Questions about the animals of the village: what they are, eat, can do, and how they compare.

import { A, a, capital, list, plural, type Exchange, type Topic } from './exchange.ts';
import type { Random } from '../random.ts';
import { animalPlurals, animals, type Animal } from '../world/animals.ts';

const many = (animal: Animal): string => animalPlurals[animal.name] ?? plural(animal.name);

/** Asks about the animal by name, or about "it" when it was named a moment ago. */
type Question = (random: Random, animal: Animal, named: boolean) => Exchange;

const definition: Question = (random, animal, named) => {
  const brief = `${A(animal.name)} is ${a(animal.group)} with ${animal.look}.`;
  return {
    user: named
      ? random.pick([
          `What is ${a(animal.name)}?`,
          `What is ${a(animal.name)}?`,
          `What are ${many(animal)}?`,
          `Describe ${a(animal.name)}.`,
          `Tell me about ${many(animal)}.`,
          `Tell me something about ${a(animal.name)}.`,
          `Tell me about the ${animal.name}.`,
          `Do you know what ${a(animal.name)} is?`,
          `What do you know about ${many(animal)}?`,
        ])
      : random.pick(['Tell me more about it.', 'What is it?', 'Tell me more.']),
    assistant: `${brief} It lives ${animal.home} and eats ${animal.food}. ${animal.habit}`,
    brief,
  };
};

const food: Question = (random, animal, named) => ({
  user: named
    ? random.pick([
        `What does ${a(animal.name)} eat?`,
        `What do ${many(animal)} eat?`,
        `What does the ${animal.name} like to eat?`,
        `What is the food of ${a(animal.name)}?`,
      ])
    : random.pick(['What does it eat?', 'And what does it eat?', 'What does it like to eat?']),
  assistant: `${named ? A(animal.name) : 'It'} eats ${animal.food}.`,
  brief: capital(`${animal.food}.`),
});

const home: Question = (random, animal, named) => ({
  user: named
    ? random.pick([
        `Where does ${a(animal.name)} live?`,
        `Where do ${many(animal)} live?`,
        `Where can I find ${a(animal.name)}?`,
        `Where can I see ${many(animal)}?`,
      ])
    : random.pick(['Where does it live?', 'And where does it live?', 'Where can I find it?']),
  assistant: `${named ? A(animal.name) : 'It'} lives ${animal.home}.`,
  brief: capital(`${animal.home}.`),
});

const look: Question = (random, animal, named) => {
  const colour = random.chance(0.5);
  const subject = named ? a(animal.name) : 'it';
  return {
    user: colour
      ? random.pick([`What colour is ${subject}?`, `Which colour does ${subject} have?`])
      : `What does ${subject} look like?`,
    assistant: colour ? `${capital(subject)} is ${animal.colour}.` : `${capital(subject)} has ${animal.look}.`,
    brief: capital(`${colour ? animal.colour : animal.look}.`),
  };
};

const skill: Question = (random, animal, named) => ({
  user: named
    ? random.pick([
        `What can ${a(animal.name)} do?`,
        `What can ${many(animal)} do?`,
        `What is special about ${a(animal.name)}?`,
        `What is ${a(animal.name)} good at?`,
      ])
    : random.pick(['What can it do?', 'What is special about it?']),
  assistant: `${named ? A(animal.name) : 'It'} can ${animal.skill}. ${animal.habit}`,
  brief: `It can ${animal.skill}.`,
});

const ability: Question = (random, animal, named) => {
  const subject = named ? a(animal.name) : 'it';
  const [verb, able] = random.pick([
    ['fly', animal.flies],
    ['swim', animal.swims],
  ] as [string, boolean][]);
  const other = verb === 'fly' ? animal.swims : animal.flies;
  const instead = other ? (verb === 'fly' ? ', but it can swim' : ', but it can fly') : '';
  return {
    user: named
      ? random.pick([`Can ${subject} ${verb}?`, `Can ${many(animal)} ${verb}?`, `Is ${subject} able to ${verb}?`])
      : `Can it ${verb}?`,
    assistant: able ? `Yes, ${subject} can ${verb}.` : `No, ${subject} cannot ${verb}${instead}.`,
    brief: able ? 'Yes.' : 'No.',
  };
};

const legs: Question = (random, animal, named) => {
  const subject = named ? a(animal.name) : 'it';
  const count =
    animal.legs === 0 ? 'no legs' : `${['', '', 'two', '', 'four', '', 'six', '', 'eight'][animal.legs] ?? ''} legs`;
  return {
    user: named
      ? random.pick([`How many legs does ${subject} have?`, `How many legs do ${many(animal)} have?`])
      : 'How many legs does it have?',
    assistant: `${capital(subject)} has ${count}.`,
    brief: capital(`${count}.`),
  };
};

const sound: Question = (random, animal, named) => {
  const subject = named ? a(animal.name) : 'it';
  return {
    user: named
      ? random.pick([
          `What sound does ${subject} make?`,
          `What does ${subject} sound like?`,
          `Which sound do ${many(animal)} make?`,
        ])
      : 'What sound does it make?',
    assistant:
      animal.sound === undefined
        ? `${capital(subject)} makes no sound that we can hear.`
        : `${capital(subject)} ${animal.sound}.`,
    brief: animal.sound === undefined ? 'None.' : `It ${animal.sound}.`,
  };
};

const kind: Question = (random, animal, named) => {
  const subject = named ? a(animal.name) : 'it';
  const answer = `${subject} is ${a(animal.group)}.`;
  if (named && random.chance(0.3))
    return { user: `What kind of animal is ${subject}?`, assistant: capital(answer), brief: `${A(animal.group)}.` };
  const guess = random.chance(0.5) ? animal.group : random.pick(['bird', 'fish', 'mammal', 'insect']);
  const right = guess === animal.group;
  return {
    user: `Is ${subject} ${a(guess)}?`,
    assistant: `${right ? 'Yes' : 'No'}, ${answer}`,
    brief: right ? 'Yes.' : 'No.',
  };
};

const fondOf: Question = (random, animal, named) => {
  const other = random.chance(0.5) ? animal : random.pick(animals);
  const subject = named ? a(animal.name) : 'it';
  const right = other.food === animal.food;
  return {
    user: `Does ${subject} eat ${other.food}?`,
    assistant: right ? `Yes, ${subject} eats ${animal.food}.` : `No, ${subject} eats ${animal.food}.`,
    brief: right ? 'Yes.' : 'No.',
  };
};

const questions: readonly (readonly [number, Question])[] = [
  [5, definition],
  [3, food],
  [3, home],
  [2, look],
  [2, skill],
  [2, ability],
  [1, legs],
  [1, sound],
  [2, kind],
  [1, fondOf],
];

export const animalFact: Topic = (random) => {
  const animal = random.pick(animals);
  const turns = random.weighted([
    [6, 1],
    [3, 2],
    [2, 3],
  ] as const);
  const asked = new Set<Question>();
  const exchanges: Exchange[] = [];
  while (exchanges.length < turns) {
    const question = random.weighted(questions);
    if (asked.has(question)) continue;
    asked.add(question);
    exchanges.push(question(random, animal, exchanges.length === 0));
  }
  return exchanges;
};

export const compareAnimals: Topic = (random) => {
  const [first, second] = random.sample(animals, 2) as [Animal, Animal];
  if (first.size === second.size) return compareAnimals(random);
  const bigger = first.size > second.size ? first : second;
  const smaller = bigger === first ? second : first;
  const askBigger = random.chance(0.5);
  const answer = askBigger ? bigger : smaller;
  const rest = askBigger ? smaller : bigger;
  const word = askBigger ? 'bigger' : 'smaller';
  return [
    random.pick<() => Exchange>([
      () => ({
        user: random.pick([
          `Which is ${word}, ${a(first.name)} or ${a(second.name)}?`,
          `What is ${word}, ${a(first.name)} or ${a(second.name)}?`,
        ]),
        assistant: `${A(answer.name)} is ${word} than ${a(rest.name)}.`,
        brief: `${A(answer.name)}.`,
      }),
      () => ({
        user: `Is ${a(first.name)} ${word} than ${a(second.name)}?`,
        assistant:
          answer === first
            ? `Yes, ${a(first.name)} is ${word} than ${a(second.name)}.`
            : `No, ${a(second.name)} is ${word} than ${a(first.name)}.`,
        brief: answer === first ? 'Yes.' : 'No.',
      }),
    ])(),
  ];
};

function nameSomeOf(random: Random, choose: (kind: Animal[], count: number) => Animal[]): Exchange[] {
  const chosen = random.pick(['bird', 'fish', 'mammal', 'insect'] as const);
  const count = random.int(2, 4);
  const word = ['', '', 'two', 'three', 'four'][count] ?? '';
  const ofKind = animals.filter((animal) => animal.group === chosen);
  const picked = choose(ofKind, count).map((animal) => a(animal.name));
  const kinds = chosen === 'fish' ? 'fish' : plural(chosen);
  const answer = `${capital(list(picked))}.`;
  return [
    {
      user: random.pick([
        `Name ${word} ${kinds}.`,
        `Tell me the names of ${word} ${kinds}.`,
        `Can you name ${word} ${kinds}?`,
        `Give me ${word} ${kinds}.`,
        `Which ${kinds} do you know?`,
      ]),
      assistant: `${capital(word)} ${kinds} are ${list(picked)}.`,
      brief: answer,
    },
  ];
}

export const nameAnimals: Topic = (random) => nameSomeOf(random, (kind, count) => random.sample(kind, count));

/** Always the first of the table, so that none is named twice. */
export const nameFirstAnimals: Topic = (random) => nameSomeOf(random, (kind, count) => kind.slice(0, count));

/** What an animal can do and what it is. */
export const animalYesOrNo: Topic = (random) => [random.pick([ability, kind])(random, random.pick(animals), true)];

export const riddle: Topic = (random) => {
  const animal = random.pick(animals);
  return [
    {
      user: random.pick([
        `Which animal has ${animal.look}?`,
        `It has ${animal.look} and lives ${animal.home}. What is it?`,
        `It eats ${animal.food} and can ${animal.skill}. Which animal is it?`,
      ]),
      assistant: `It is ${a(animal.name)}.`,
      brief: `${A(animal.name)}.`,
    },
  ];
};
