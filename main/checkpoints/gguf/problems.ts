// What is told to a person whose GGUF file is damaged, or holds what cannot be trained.
import { UserError } from '../../errors.ts';

export function ggufInvalid(path: string, offset: number, what: string): UserError {
  return new UserError({
    code: 'gguf-invalid',
    message: `${path} is not a valid GGUF file: at byte ${offset}, ${what}.`,
    fix: 'Download or copy the file again.',
  });
}

export function ggufCutOff(path: string, what: string): UserError {
  return new UserError({
    code: 'gguf-truncated',
    message: `${path} is cut off: ${what}.`,
    fix: 'Download or copy the file again.',
  });
}

export function ggufUnsupported(path: string, what: string, fix = originalFix): UserError {
  return new UserError({ code: 'gguf-unsupported', message: `${path}: ${what}.`, fix });
}

/** For blocks that cannot be read. */
export const otherFileFix = 'Take another file of the model: Q8_0 where it has one, else Q6_K, Q5_K_M or Q4_K_M.';

export const originalFix = 'Use the original model that it was made from, with config.json and .safetensors files.';
