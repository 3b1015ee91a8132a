// Short stories: a hero, a place, a small trouble, a helper, a good end. Also told as plain text without a question.

import { a, capital, type Exchange, type Topic } from './exchange.ts';
import type { Random } from '../random.ts';
import { animals } from '../world/animals.ts';
import { boys, girls, people } from '../world/people.ts';
import { places } from '../world/places.ts';

type Cast = {
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
const smallThings = [
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

function castFor(random: Random, wantedThing?: string): Cast {
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

type Plot = (random: Random, cast: Cast) => string[];

const lost: Plot = (random, c) => [
  random.pick([
    `One morning ${c.name} could not find ${c.his} ${c.thing}.`,
    `One day ${c.name} lost ${c.his} ${c.thing}.`,
  ]),
  random.pick([
    `${capital(c.he)} went to ${c.place} and to ${c.otherPlace}, but it was not there.`,
    `${capital(c.he)} looked everywhere, even near ${c.otherPlace}.`,
  ]),
  `Then ${c.he} met ${c.helper}.`,
  random.pick([
    `"Think of the last place where you had it," said ${c.helperName}.`,
    `"Do not worry," said ${c.helperName}, "we will look together."`,
  ]),
  random.pick([
    `They went back to ${c.place}, and there it was, under a leaf.`,
    `They walked to ${c.place}, and there lay the ${c.thing} in the sun.`,
    `They found the ${c.thing} near ${c.place}, wet but not broken.`,
  ]),
  `${c.name} was very happy and said thank you.`,
];

const storm: Plot = (random, c) => [
  random.pick([
    'One evening a storm came from the sea.',
    'One night the wind grew stronger and stronger.',
    'One day dark clouds came over the hill.',
  ]),
  random.pick([
    'The waves were high, and all boats hurried home.',
    'The rain was so thick that nobody could see the harbour.',
  ]),
  `But ${c.helper} was still out on the water.`,
  random.pick([
    `${c.name} took a lantern, ran to ${c.place} and held it up high.`,
    `${c.name} ran to ${c.place} and rang the bell again and again.`,
  ]),
  random.pick([
    `${c.helperName} saw the light and found the way home.`,
    `At last ${c.helperName} came home, wet and cold but safe.`,
  ]),
  `"You saved me," said ${c.helperName}, and ${c.name} smiled.`,
];

const friend: Plot = (random, c) => {
  const other = random.pick(animals);
  return [
    `${c.name} was often alone and wished for a friend.`,
    `One day ${c.he} saw ${a(other.name)} near ${c.otherPlace}.`,
    random.pick([
      `The ${other.name} was hungry, so ${c.name} shared ${c.his} bread.`,
      `The ${other.name} was afraid, so ${c.name} sat down and waited quietly.`,
    ]),
    random.pick([`Soon the ${other.name} came closer and closer.`, `The next day the ${other.name} came back.`]),
    random.pick(['They played until the sun went down.', 'They walked along the river and looked at the boats.']),
    `From then on they met every day, and ${c.name} was never alone again.`,
  ];
};

const learn: Plot = (random, c) => {
  const skill = random.pick([
    'swim',
    'row a boat',
    'sing',
    'play the flute',
    'fly a kite',
    'dance',
    'paint',
    'bake bread',
    'whistle',
    'climb the hill',
  ]);
  return [
    `${c.name} wanted to learn to ${skill}.`,
    random.pick([`${capital(c.he)} tried once, and it went wrong.`, `The first time it did not go well.`]),
    random.pick([`${capital(c.he)} tried again, and it went wrong again.`, 'The second time was not much better.']),
    `Then ${c.helper} came by and said: "${random.pick(['Go slowly and breathe.', 'Nobody can do it on the first day.', 'Watch me, and then try once more.'])}"`,
    random.pick([
      `${c.name} tried every day near ${c.place}.`,
      `So ${c.name} went to ${c.place} every morning and tried.`,
    ]),
    random.pick([
      `After a week ${c.he} could ${skill}, and everyone clapped.`,
      `In the end ${c.he} could ${skill} very well.`,
    ]),
  ];
};

const found: Plot = (random, c) => [
  random.pick([
    `One day ${c.name} found ${a(c.thing)} near ${c.otherPlace}.`,
    `One morning there was ${a(c.thing)} in front of ${c.his} door.`,
  ]),
  random.pick([`"Whose ${c.thing} is this?" ${c.he} asked.`, `It was beautiful, but it was not ${c.his} own.`]),
  `${c.name} asked everybody near ${c.place}, but nobody knew.`,
  `At last ${c.he} met ${c.helper}, who looked very sad.`,
  random.pick([
    `"I have lost my ${c.thing}," said ${c.helperName}.`,
    `"My ${c.thing}!" cried ${c.helperName}. "You have found it!"`,
  ]),
  random.pick([
    `${c.name} gave it back and got a big piece of cake.`,
    `${c.name} gave it back, and they became good friends.`,
  ]),
];

const sound: Plot = (random, c) => {
  const other = random.pick(animals);
  return [
    random.pick([
      `One night ${c.name} heard a strange sound near ${c.place}.`,
      `In the middle of the night there was a strange sound.`,
    ]),
    random.pick([`${capital(c.he)} was afraid and hid under the blanket.`, `${capital(c.his)} heart beat fast.`]),
    `But then ${c.name} took a lantern and went out to look.`,
    random.pick([`Behind a bucket sat ${a(other.name)}.`, `There, in the light, stood ${a(other.name)}.`]),
    random.pick([`It looked up at ${c.him} with wide eyes.`, `It was more afraid than ${c.name}.`]),
    random.pick([
      `${c.name} laughed, and the dark was not so dark any more.`,
      `${c.name} laughed and was not afraid any more.`,
    ]),
  ];
};

const fog: Plot = (random, c) => [
  random.pick([
    `One morning ${c.name} went to ${c.otherPlace} and a thick fog came up.`,
    `One day ${c.name} walked to ${c.otherPlace}, and then the fog came.`,
  ]),
  random.pick([`Soon ${c.he} could not see the path.`, 'Everything was white and quiet.']),
  random.pick([`${c.name} stopped and listened.`, `"Which way is home?" thought ${c.name}.`]),
  random.pick([`Far away ${c.he} heard the bell of the ferry.`, `Then ${c.he} heard the horn of the lighthouse.`]),
  `${capital(c.he)} followed the sound, step by step, until ${c.he} came to ${c.place}.`,
  `There stood ${c.helper} with a cup of hot tea.`,
];

const gift: Plot = (random, c) => [
  `${c.name} wanted to give ${c.helper} a present.`,
  random.pick([`But ${c.he} had no money.`, `${capital(c.he)} thought about it all day.`]),
  random.pick([
    `So ${c.he} went to ${c.place} and looked for something beautiful.`,
    `${capital(c.he)} went to ${c.place} and to ${c.otherPlace}.`,
  ]),
  `There ${c.he} found ${a(c.thing)} and made it clean and bright.`,
  `"This is for you," said ${c.name}.`,
  random.pick([
    `${c.helperName} was so happy that nobody could stop laughing.`,
    `${c.helperName} said it was the best present of the year.`,
  ]),
];

const plots: Plot[] = [lost, storm, friend, learn, found, sound, fog, gift];

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
