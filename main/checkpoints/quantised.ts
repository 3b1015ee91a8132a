// Refuses models whose weights were rounded for good when they were uploaded (GPTQ, AWQ, bitsandbytes and others), and
// says which model to take in their place.
import { UserError } from '../errors.ts';

/** Endings by which uploads say how they were rounded: -GPTQ-Int4, -AWQ, -unsloth-bnb-4bit, -FP8, -4bit, -w4a16. */
const ending =
  /[-_.](gptq|awq|(unsloth[-_])?bnb|fp8|fp4|nvfp4|mxfp4|int[48]|[2-8][-_]?bits?|hqq|aqlm|quip|exl[23]|quantized|w[48]a(8|16))([-_.].*)?$/i;

/** Throws UserError "quantized-checkpoint" where config.json says so. `place` is a folder; `id` a name on the Hub. */
export function refuseQuantised(
  { quantization_config: how }: Record<string, unknown>,
  { place, id }: { place?: string; id?: string | undefined },
): void {
  if (how === undefined || how === null) return;
  const original = id?.replace(ending, '');
  const guess = original === undefined || original === id ? '' : `, probably ${original}`;
  throw new UserError({
    code: 'quantized-checkpoint',
    message: `${place === undefined ? 'Its weights are' : `The model in ${place} is`} stored quantised (${methodOf(how)}), which cannot be trained.`,
    fix: `Choose the original model that it was made from${guess}, with F32, F16 or BF16 weights: load_in_4bit rounds it while it is opened.`,
  });
}

function methodOf(how: unknown): string {
  const method = typeof how === 'object' && how !== null && 'quant_method' in how ? how.quant_method : undefined;
  return typeof method === 'string' ? method : 'quantization_config in config.json';
}
