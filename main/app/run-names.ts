// Names for runs: two words that are easy to say, to type and to tell apart.
import { randomInt } from 'node:crypto';

const QUALITIES = (
  'amber azure bold brave bright calm clear clever cosy crisp deep eager early fair fleet fond free gentle glad golden ' +
  'grand green happy keen kind late lively lucky mellow merry mild misty neat nimble noble patient plain proud quick ' +
  'quiet rapid ready rosy round sharp silver sleek slow smooth snug soft solid steady still sunny sure swift tall tidy ' +
  'true vivid warm wide wild wise'
).split(' ');

const RIVER_THINGS = (
  'alder barge beaver birch bridge brook canal cliff coot crane current delta dipper dock duck eddy eel egret elm ferry ' +
  'finch ford frog gorge grebe gull harbor heron island jetty kingfisher lagoon lark lily lock loon marsh meadow mill ' +
  'minnow moss newt otter pebble perch pike pond poplar rapid reed ripple robin salmon shore snipe spring stork stream ' +
  'sturgeon swallow swan teal tern trout wagtail willow'
).split(' ');

const pick = (words: readonly string[]): string => words[randomInt(words.length)] ?? '';

/** A name such as quiet-heron that `isTaken` does not know. After some failures a number is added. */
export function newRunName(isTaken: (name: string) => boolean): string {
  for (let attempt = 0; ; attempt += 1) {
    const words = `${pick(QUALITIES)}-${pick(RIVER_THINGS)}`;
    const name = attempt < 20 ? words : `${words}-${randomInt(2, 10 ** Math.min(9, attempt - 18))}`;
    if (!isTaken(name)) return name;
  }
}
