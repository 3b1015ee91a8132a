// The numbers of a logged row as a terminal shows them. Rows of pairs show the margin where others show the accuracy.
import type { Metrics } from '../../../preload/contract.ts';
import { numberText } from './numbers.ts';

const words: readonly (readonly [name: string, words: string])[] = [
  ['loss', 'loss'],
  ['grad_norm', 'grad norm'],
  ['learning_rate', 'lr'],
  ['rewards/margins', 'margin'],
  ['rewards/accuracies', 'chosen preferred'],
  ['mean_token_accuracy', 'accuracy'],
];

/** The metrics that a person follows, in the order in which TRL logs them: "loss 2.346  grad norm 0.8 …" */
export function metricWords(metrics: Metrics): string {
  const shown = words.flatMap(([name, word]) => [
    ...(metrics[name] === undefined ? [] : [[name, word, metrics[name]] as const]),
    ...(metrics[`eval_${name}`] === undefined ? [] : [[name, `eval ${word}`, metrics[`eval_${name}`] ?? 0] as const]),
  ]);
  const isOfPairs = shown.some(([name]) => name === 'rewards/margins');
  const followed = isOfPairs ? shown.filter(([name]) => name !== 'mean_token_accuracy') : shown;
  const epoch = metrics.epoch === undefined ? [] : [`epoch ${numberText(metrics.epoch)}`];
  return [...followed.map(([, word, value]) => `${word} ${numberText(value)}`), ...epoch].join('  ');
}
