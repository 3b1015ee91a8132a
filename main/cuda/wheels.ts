// The wheels of onnxruntime-gpu (Python's package of the same library) whose libraries are known byte for byte: measured
// once and committed (resources/cuda/wheels.json). Each holds the same libraries, built anew.
import { readFileSync } from 'node:fs';
import { z } from 'zod';

const pins = z.object({
  package: z.string(),
  version: z.string(),
  /** File name -> SHA-256 of the wheel. */
  wheels: z.record(z.string(), z.string()),
  /** Library -> its SHA-256 in each of the wheels. */
  libraries: z.record(z.string(), z.array(z.string())),
});
export type WheelPins = z.infer<typeof pins>;

export function readWheelPins(file: string): WheelPins {
  return pins.parse(JSON.parse(readFileSync(file, 'utf8')));
}
