// The eight plots: each turns a cast into a few sentences of trouble, help and a good end.

import { a, capital } from './exchange.ts';
import type { Cast } from './story-cast.ts';
import type { Random } from '../random.ts';
import { animals } from '../world/animals.ts';

export type Plot = (random: Random, cast: Cast) => string[];

export const lost: Plot = (random, c) => [
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

export const storm: Plot = (random, c) => [
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

export const found: Plot = (random, c) => [
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

export const gift: Plot = (random, c) => [
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

export const plots: Plot[] = [lost, storm, friend, learn, found, sound, fog, gift];
