// Which number format a run computes its products in: the recipe's bf16 and fp16 beside what the device can do. A pure
// rule; what is between products, the parameters and the optimizer are float32 in any case.
import type { AutocastSettings } from '../engine/graph/autocast.ts';
import { UserError } from '../errors.ts';

export type Precision = 'bf16' | 'fp16' | 'fp32';
export type PrecisionWish = { bf16: boolean | 'auto'; fp16: boolean | 'auto' };
/** untried: it should, and no trial on this machine has shown that it does. */
type Ability = boolean | 'untried';
export type PrecisionDevice = { name: string; bf16: Ability; fp16: Ability };
/** What a trial has shown: see the checks "bf16" and "fp16" of conformance.ts. */
export type TriedFormats = { bf16: boolean; fp16: boolean };
export type PrecisionChoice = {
  precision: Precision;
  /** Without a full stop, to follow a colon. */
  reason: string;
};

/**
 * Whether a device has products in 16 bits that add up in float32. WebGPU's add up in float16, and the processor's are
 * products in float32 with more steps.
 */
export function mayComputeIn16Bits(device: string): boolean {
  return device === 'cuda';
}

/** What a device of engine/runtime computes a training graph in, beside float32. */
export function precisionDevice(name: string, tried?: TriedFormats): PrecisionDevice {
  if (!mayComputeIn16Bits(name)) return { name, bf16: false, fp16: false };
  return { name, bf16: tried?.bf16 ?? 'untried', fp16: tried?.fp16 ?? 'untried' };
}

/**
 * "auto" takes bf16 where the device has shown it, else fp16 (with a dynamic loss scale), else fp32. A format asked for by
 * name that the device has not gives fp32, which is at least as exact, and never the other 16-bit format: bf16 has
 * fewer digits and fp16 a smaller range than the one asked for.
 * @throws UserError "recipe-value" when both are true, as Trainer refuses it
 */
export function choosePrecision({ bf16, fp16 }: PrecisionWish, device: PrecisionDevice): PrecisionChoice {
  if (bf16 === true && fp16 === true)
    throw new UserError({
      code: 'recipe-value',
      message: 'The recipe sets bf16: true and fp16: true, and a run computes in one of them.',
      fix: 'Keep one of them, or set both to auto.',
    });
  if (bf16 === true) return asked('bf16', device);
  if (fp16 === true) return asked('fp16', device);
  if (bf16 === 'auto' && device.bf16 === true) return { precision: 'bf16', reason: `${device.name} computes in bf16` };
  if (fp16 === 'auto' && device.fp16 === true)
    return {
      precision: 'fp16',
      reason:
        bf16 === 'auto'
          ? `${device.name} computes in fp16 and not in bf16; the loss is scaled so that small gradients survive`
          : `${device.name} computes in fp16 and the recipe switches bf16 off; the loss is scaled so that small gradients survive`,
    };
  if (bf16 === false && fp16 === false) return { precision: 'fp32', reason: 'the recipe switches bf16 and fp16 off' };
  const tried = (['bf16', 'fp16'] as const).filter((name) => ({ bf16, fp16 })[name] === 'auto');
  const untried = tried.filter((name) => device[name] === 'untried');
  return {
    precision: 'fp32',
    reason:
      untried.length > 0
        ? `${device.name} was not tried in ${untried.join(' and ')} on this machine, and auto takes only what was`
        : `${device.name} does not compute in ${tried.join(' or ')} here`,
  };
}

function asked(wanted: 'bf16' | 'fp16', device: PrecisionDevice): PrecisionChoice {
  const ability = device[wanted];
  if (ability === false)
    return {
      precision: 'fp32',
      reason: `the recipe asks for ${wanted}, which ${device.name} does not compute in here; fp32 is at least as exact`,
    };
  const note = ability === 'untried' ? `, and ${device.name} was not tried in it on this machine` : '';
  return { precision: wanted, reason: `the recipe asks for it${note}` };
}

/** How the graphs of a precision are built: see engine/graph/autocast.ts. */
export function autocastOf(precision: Precision, device: string): AutocastSettings | undefined {
  if (precision === 'fp32') return undefined;
  return {
    format: precision === 'bf16' ? 'bfloat16' : 'float16',
    ...(!mayComputeIn16Bits(device) && { emulated: true }),
  };
}
