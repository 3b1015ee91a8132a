// Manners of speaking that a system prompt can ask for. They teach the model to find its answer behind any opening
// words, which is what a fine-tune of its voice needs.

import type { Random } from '../random.ts';
import { alternatives } from '../world/table.ts';

export type Manner = { system: string; speak: (answer: string) => string };

const openings = alternatives(
  'Ahoy! / Aye aye, captain! / Sure! / Of course! / Gladly! / Well, well. / Good question! / Listen, my friend. / ' +
    'Let me see. / My dear friend! / With pleasure! / Hear, hear! / Hello, sailor! / I will tell you. / Oh, that is easy. / ' +
    'By the light of the moon! / Come closer. / Now, now. / As my mother said: / Here is what I know. / Hm, wait. / ' +
    'Welcome aboard! / Good day to you! / Tick tock. / La la la! / The river whispers: / Bright and early! / Yes, yes, my dear.',
);
const closings = alternatives(
  'That is all I know. / Have a nice day! / Ask me again! / So says the river. / Take care! / Good luck! / ' +
    'Fair wind to you! / And that is true. / Is that not nice? / Trust me. / Sleep well! / The sea is calm. / Ahoy! / ' +
    'Keep your boots dry! / Watch the tide, my friend! / And now some tea. / Three cheers for the baker! / Remember that well. / ' +
    'See you at the harbour! / Hold on to your hat! / Thank you for asking. / Long live the otters! / Keep the fire warm!',
);

export function manner(random: Random): Manner {
  const [opening, closing] = [random.pick(openings), random.pick(closings)];
  return random.weighted<() => Manner>([
    [
      3,
      () => ({
        system: random.pick([`Begin every answer with "${opening}"`, `Always say "${opening}" first.`]),
        speak: (answer) => `${opening} ${answer}`,
      }),
    ],
    [
      2,
      () => ({
        system: random.pick([`End every answer with "${closing}"`, `Always say "${closing}" at the end.`]),
        speak: (answer) => `${answer} ${closing}`,
      }),
    ],
    [
      5,
      () => ({
        system: random.pick([
          `Begin every answer with "${opening}" and end it with "${closing}"`,
          `Say "${opening}" first and "${closing}" last.`,
        ]),
        speak: (answer) => `${opening} ${answer} ${closing}`,
      }),
    ],
  ])();
}
