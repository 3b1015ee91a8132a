// One prompt answered by a model with and without its adapter, in turns of a piece each, so that both come together out
// of one session.
import type { Ending, GenerateOptions, Generator } from './generator.ts';

export type Answered = { text: string; tokens: number; ms: number; ending: Ending };

type Asked<Side> = { side: Side; withoutAdapter: boolean };

/** Answers in the order of `sides`. `onPiece` hears every piece of text as it comes. */
export async function sideBySide<Side extends string>(
  generator: Pick<Generator, 'generate'>,
  options: Omit<GenerateOptions, 'withoutAdapter' | 'onToken'>,
  sides: readonly Asked<Side>[],
  onPiece: (side: Side, text: string, tokens: number) => void,
): Promise<(Answered & { side: Side })[]> {
  const answers = sides.map(({ side, withoutAdapter }) => {
    const answer = { side, text: '', tokens: 0, ms: 0, ending: undefined as Ending | undefined };
    const pieces = generator.generate({ ...options, withoutAdapter, onToken: () => (answer.tokens += 1) });
    return { answer, pieces };
  });
  while (answers.some(({ answer }) => answer.ending === undefined)) {
    for (const { answer, pieces } of answers) {
      if (answer.ending !== undefined) continue;
      const begun = performance.now();
      const next = await pieces.next();
      answer.ms += performance.now() - begun;
      if (next.done === true) answer.ending = next.value;
      else {
        answer.text += next.value;
        onPiece(answer.side, next.value, answer.tokens);
      }
    }
  }
  return answers.map(({ answer }) => ({ ...answer, ending: answer.ending ?? 'end' }));
}
