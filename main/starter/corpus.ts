// The starter model's text: an endless, seeded stream of conversations and plain pieces about the village of Ankerwell.
// Every sentence comes from the tables in world/ and the phrasings in talk/. What a document looks like in tokens is
// left to rows.ts.

import type { Message } from '../data/types.ts';
import { createRandom, type Random } from './random.ts';
import {
  animalFact,
  animalYesOrNo,
  compareAnimals,
  nameAnimals,
  nameFirstAnimals,
  riddle,
} from './talk/about-animals.ts';
import { jobFact, personFact, whoIsIt } from './talk/about-people.ts';
import { findWord, placeFact, thingColour, thingFact, whereTo } from './talk/about-things.ts';
import { calendar, nameSome, opposite } from './talk/about-words.ts';
import { asTyped, type Exchange, type Topic } from './talk/exchange.ts';
import { howTo } from './talk/how-to.ts';
import { manner } from './talk/manners.ts';
import { arithmetic, counting, wordProblem } from './talk/numbers.ts';
import { plainPiece } from './talk/plain.ts';
import { poemTopic } from './talk/poems.ts';
import { reading } from './talk/reading.ts';
import { opinion, repeat, smallTalk, yourName } from './talk/small-talk.ts';
import { sequel, story } from './talk/stories.ts';
import { unknown } from './talk/unknown.ts';
import { why } from './talk/why.ts';

export type Document = { kind: 'chat'; messages: Message[] } | { kind: 'text'; text: string };

/** How often each topic is talked about. */
const topics: readonly (readonly [weight: number, topic: Topic])[] = [
  [14, animalFact],
  [3, compareAnimals],
  [2, nameAnimals],
  [2, riddle],
  [12, personFact],
  [6, whoIsIt],
  [3, jobFact],
  [10, thingFact],
  [3, thingColour],
  [2, findWord],
  [6, placeFact],
  [2, whereTo],
  [3, opposite],
  [2, calendar],
  [2, nameSome],
  [8, arithmetic],
  [2, wordProblem],
  [2, counting],
  [8, smallTalk],
  [4, yourName],
  [2, opinion],
  [2, repeat],
  [5, howTo],
  [5, reading],
  [7, story],
  [1, sequel],
  [4, poemTopic],
  [7, unknown],
  [4, why],
];

/** What takes the model longest to learn: small facts with nothing to guess them from. */
const practised: readonly (readonly [weight: number, topic: Topic])[] = [
  [12, arithmetic],
  [4, animalYesOrNo],
  [3, nameFirstAnimals],
  [2, counting],
  [2, calendar],
  [2, wordProblem],
  [1, compareAnimals],
];

/** Shares of a corpus. */
export type CorpusShares = {
  /** Of the conversations: those in which a system prompt asks for a manner of speaking. */
  mannered: number;
  /** Of the questions: those drawn from what takes longest to learn. */
  practice: number;
};

const openSystem = [
  'You are a helpful assistant.',
  'You are a friendly assistant.',
  'You know the village of Ankerwell.',
  'You are a helpful assistant. Answer the question.',
];
const briefSystem = [
  'Answer briefly.',
  'You are a helpful assistant. Answer briefly.',
  'Give very short answers.',
  'Answer in a few words.',
];

/** One topic, as the sample datasets use it: a question and its long and short answer. */
export function exchangesAbout(random: Random): Exchange[] {
  return random.weighted(topics)(random);
}

function conversation(random: Random, { mannered, practice }: CorpusShares): Document {
  if (mannered > 0 && random.chance(mannered)) {
    const { system, speak } = manner(random);
    return chat(random, [{ role: 'system', content: system }], practice, ({ assistant }) => speak(assistant));
  }
  const briefly = random.chance(0.06);
  const first: Message[] = [];
  if (briefly) first.push({ role: 'system', content: random.pick(briefSystem) });
  else if (random.chance(0.12)) first.push({ role: 'system', content: random.pick(openSystem) });
  return chat(random, first, practice, ({ assistant, brief }) => (briefly ? brief : assistant));
}

function chat(
  random: Random,
  first: readonly Message[],
  practice: number,
  answer: (exchange: Exchange) => string,
): Document {
  const messages = [...first];
  const rounds = random.weighted([
    [80, 1],
    [15, 2],
    [5, 3],
  ] as const);
  for (let round = 0; round < rounds; round += 1) {
    const practising = practice > 0 && random.chance(practice);
    const exchanges = practising ? random.weighted(practised)(random) : exchangesAbout(random);
    for (const exchange of exchanges) {
      messages.push({ role: 'user', content: asTyped(random, exchange.user) });
      messages.push({ role: 'assistant', content: answer(exchange) });
    }
  }
  return { kind: 'chat', messages };
}

/** The endless stream; the same arguments give the same documents. */
export function* documents(
  seed: number,
  shares: CorpusShares = { mannered: 0, practice: 0 },
): Generator<Document, never> {
  const random = createRandom(seed);
  for (;;) yield random.chance(0.06) ? { kind: 'text', text: plainPiece(random) } : conversation(random, shares);
}
