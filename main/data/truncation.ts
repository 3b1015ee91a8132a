// What max_length leaves of a row, by TRL's truncation_mode.

export type TruncationMode = 'keep_start' | 'keep_end';

/** The tokens that stay, as a half-open range. `maxLength` null: all. */
export function keptRange(
  length: number,
  maxLength: number | null,
  mode: TruncationMode = 'keep_start',
): { start: number; end: number } {
  const kept = Math.min(length, maxLength ?? Infinity);
  return mode === 'keep_end' ? { start: length - kept, end: length } : { start: 0, end: kept };
}
