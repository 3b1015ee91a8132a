// The adapters of a run as a list to choose from.
import type { CommandOutput } from '../../preload/contract.ts';
import { lossText } from '../ui/wording.ts';

type Adapter = CommandOutput<'run.adapters'>['adapters'][number];

/** The last first, then the best where steps were evaluated, then every step, the newest first. */
export function checkpointChoices(adapters: readonly Adapter[], lastStep: number): { value: string; text: string }[] {
  const last = adapters.at(-1);
  const [best] = adapters
    .filter(({ evalLoss }) => evalLoss !== null)
    .sort((a, b) => (a.evalLoss ?? Infinity) - (b.evalLoss ?? Infinity));
  const loss = ({ evalLoss }: Adapter): string => (evalLoss === null ? '' : `, eval loss ${lossText(evalLoss)}`);
  return [
    { value: 'last', text: `Last (step ${last?.step ?? lastStep})` },
    ...(best === undefined ? [] : [{ value: 'best', text: `Best (step ${best.step}${loss(best)})` }]),
    ...adapters.toReversed().map((one) => ({ value: String(one.step), text: `Step ${one.step}${loss(one)}` })),
  ];
}
