// Which number format a run computes in: the recipe's bf16 and fp16 beside what the device can do. A pure rule.
//
// Wired to it: the run's events, which say what was picked and why. Every graph of this version computes in float32, so
// the devices listed here can do neither 16-bit format, and engine/optim/loss-scaler.ts waits for the first that can.
import { UserError } from '../errors.ts';

export type Precision = 'bf16' | 'fp16' | 'fp32';
export type PrecisionWish = { bf16: boolean | 'auto'; fp16: boolean | 'auto' };
export type PrecisionDevice = { name: string; bf16: boolean; fp16: boolean };
export type PrecisionChoice = {
  precision: Precision;
  /** Without a full stop, to follow a colon. */
  reason: string;
};

/** What a device of engine/runtime computes a training graph in, beside float32. */
export function precisionDevice(name: string): PrecisionDevice {
  return { name, bf16: false, fp16: false };
}

/**
 * "auto" takes bf16 where the device has it, else fp16 (with a dynamic loss scale), else fp32. A format asked for by
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
  if (bf16 === 'auto' && device.bf16) return { precision: 'bf16', reason: `${device.name} computes in bf16` };
  if (fp16 === 'auto' && device.fp16)
    return {
      precision: 'fp16',
      reason:
        bf16 === 'auto'
          ? `${device.name} computes in fp16 and not in bf16; the loss is scaled so that small gradients survive`
          : `${device.name} computes in fp16 and the recipe switches bf16 off; the loss is scaled so that small gradients survive`,
    };
  if (bf16 === false && fp16 === false) return { precision: 'fp32', reason: 'the recipe switches bf16 and fp16 off' };
  const tried = (['bf16', 'fp16'] as const).filter((name) => ({ bf16, fp16 })[name] === 'auto');
  return { precision: 'fp32', reason: `${device.name} does not compute in ${tried.join(' or ')} in this version` };
}

function asked(wanted: 'bf16' | 'fp16', device: PrecisionDevice): PrecisionChoice {
  return device[wanted]
    ? { precision: wanted, reason: 'the recipe asks for it' }
    : {
        precision: 'fp32',
        reason: `the recipe asks for ${wanted}, which ${device.name} lacks in this version; fp32 is at least as exact`,
      };
}
