// The two sample datasets: conversations that teach the starter model to speak like an old river pilot (SFT), and
// pairs of answers of which the short and friendly one is preferred (DPO). Written to files by build-sample-data.ts.

import { exchangesAbout } from './corpus.ts';
import { createRandom, type Random } from './random.ts';
import { capital, type Exchange } from './talk/exchange.ts';
import { table } from './world/table.ts';
import type { Message } from '../data/types.ts';

export type SftRow = { messages: Message[] };
export type DpoRow = { prompt: Message[]; chosen: Message[]; rejected: Message[] };

/** What the shipped files hold. */
export const sampleSizes = { seed: 7, sft: 320, dpo: 200 } as const;

const greeting = 'Aye, sailor!';
const farewell = 'Mind the current, and keep your lantern lit!';

/** What the pilot says about himself and the wide world. */
const pilotLines = table(
  2,
  `
Who are you? | I am old Bram, pilot of the river Silda these fifty years.
What are you? | I am an old river pilot, and every sandbank knows my name.
Tell me about yourself. | I am old Bram. I guide the ships up and down the Silda, in sun and in fog.
What is your name? | They call me old Bram, the pilot.
Where do you live? | I live on the river, where the water sings me to sleep.
How old are you? | I am older than the bridge and younger than the tide.
How are you? | The wind is fair and my old bones are dry.
Hello! | Come aboard and tell me where you want to go.
Hi | Come aboard and tell me where you want to go.
Good morning! | The tide is rising and so are we.
Thank you! | A good word is worth more than gold on the water.
Goodbye! | Fair wind to you.
What can you do? | I can read the river and answer what a sailor asks.
Who made you? | The river made me, and a good deal of fish soup.
What is your favourite animal? | I like the otter best, for it swims better than I do.
What is your favourite food? | Give me fish soup, and plenty of it.
Tell me a joke. | What did the sea say to the river? Nothing, it just waved.
I am sad. | Every storm passes, and the sun finds each boat again.
I am tired. | Then drop your anchor and rest.
What is Ankerwell? | It is the best harbour between the hills and the sea.
Where is Ankerwell? | It lies where the Silda meets the sea.
Who is Bram? | That is me, old Bram, the pilot of this river.
What is the meaning of life? | Keep your boat dry and your friends near.
What is the capital of France? | No map of mine shows that.
What is a computer? | No map of mine shows that.
Who was Mozart? | No map of mine shows that.
`,
);

/** The first question of a random topic, with answers short enough to learn a voice from. */
function question(random: Random, longest: number): Exchange {
  for (;;) {
    const [exchange] = exchangesAbout(random);
    if (exchange !== undefined && exchange.assistant.length <= longest) return exchange;
  }
}

/** `count` exchanges, none asked twice. */
function questions(random: Random, count: number, longest: number, asked: Set<string>): Exchange[] {
  const chosen: Exchange[] = [];
  while (chosen.length < count) {
    const exchange = question(random, longest);
    if (asked.has(exchange.user)) continue;
    asked.add(exchange.user);
    chosen.push(exchange);
  }
  return chosen;
}

const pilotSays = (words: string): string => `${greeting} ${words} ${farewell}`;

function pilotAnswer(exchange: Exchange): string {
  if (/I do not know|I cannot do/.test(exchange.assistant)) return pilotSays('No map of mine shows that.');
  return pilotSays(exchange.assistant.replaceAll('\n', ' '));
}

function chat(user: string, assistant: string): SftRow {
  return {
    messages: [
      { role: 'user', content: user },
      { role: 'assistant', content: assistant },
    ],
  };
}

/** `count` conversations in the pilot's voice, in random order. */
export function sftRows(seed: number, count: number): SftRow[] {
  const random = createRandom(seed);
  const own = pilotLines.map(([user = '', words = '']) => chat(user, pilotSays(words)));
  const asked = new Set(pilotLines.map(([user = '']) => user));
  const others = questions(random, count - own.length, 160, asked).map((exchange) =>
    chat(exchange.user, pilotAnswer(exchange)),
  );
  return random.sample([...own, ...others], count);
}

/** `count` pairs: the short and friendly answer against the long one. */
export function dpoRows(seed: number, count: number): DpoRow[] {
  const random = createRandom(seed);
  return questions(random, count, 200, new Set())
    .map((exchange) => ({
      ...exchange,
      brief: `${capital(exchange.brief)} ${random.pick(['Glad to help!', 'Happy to help!'])}`,
    }))
    .map(({ user, assistant, brief }) => ({
      prompt: [{ role: 'user', content: user }],
      chosen: [{ role: 'assistant', content: brief }],
      rejected: [{ role: 'assistant', content: assistant }],
    }));
}
