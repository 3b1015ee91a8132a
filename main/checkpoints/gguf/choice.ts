// Which of several GGUF files of one model to take: as the person says, else the one that is best to train on.
import { quantisationOf } from './file-names.ts';

/** Best first: Q8_0 loses next to nothing of what is not quantised, and is half as large to fetch. */
const preferred = [
  ...['Q8_0', 'BF16', 'F16', 'Q6_K', 'Q6_K_L', 'Q5_K_M', 'Q5_K_L', 'Q5_K_S', 'Q5_1', 'Q5_0', 'Q4_K_M', 'Q4_K_L'],
  ...['Q4_K_S', 'Q4_1', 'Q4_0', 'F32', 'Q3_K_L', 'Q3_K_M', 'Q3_K_S', 'Q2_K'],
];

/** Why a file cannot be read, as far as its name tells; null where nothing speaks against it. */
export function quantisationProblem(quantisation: string | undefined): string | null {
  if (quantisation === undefined || !/^(IQ|TQ|MXFP|NVFP|Q1|Q\d_0_\d)/.test(quantisation)) return null;
  return `${quantisation} cannot be read`;
}

/** How good the model in a file is to train on, 0 being the best. */
export function rankOf(file: string): number {
  const quantisation = quantisationOf(file);
  if (quantisationProblem(quantisation) !== null) return Infinity;
  const rank = preferred.indexOf(quantisation ?? '');
  return rank < 0 ? preferred.length : rank;
}

/** The first file of the model that `wanted` names, by its path or its quantisation; without it, of the best. */
export function chooseModel<T>(models: readonly T[], fileOf: (model: T) => string, wanted?: string): T | undefined {
  if (wanted === undefined) return [...models].sort((a, b) => rankOf(fileOf(a)) - rankOf(fileOf(b)))[0];
  const same = (name: string | undefined): boolean => name?.toLowerCase() === wanted.toLowerCase();
  return (
    models.find((model) => same(fileOf(model))) ??
    models.find((model) => same(fileOf(model).split('/').at(-1))) ??
    models.find((model) => same(quantisationOf(fileOf(model))))
  );
}
