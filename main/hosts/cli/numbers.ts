// Numbers and times as a terminal shows them.

const grouped = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

/** 12345.6 -> "12,346" */
export function wholeText(value: number): string {
  return grouped.format(value);
}

/** At most four significant digits, small and large values with an exponent: 2.346, 0.04, 2e-5 */
export function numberText(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e6) return String(value);
  const size = Math.abs(value);
  if (size < 1e-3 || size >= 1e6) return value.toExponential(2).replace(/\.?0+e/, 'e');
  return String(Number(value.toPrecision(4)));
}

/** Milliseconds as 0:42, 12:05 or 3:07:15. */
export function durationText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const two = (value: number): string => String(value).padStart(2, '0');
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** A moment, in local time: 2026-11-24 13:05 */
export function momentText(ms: number): string {
  const local = new Date(ms - new Date(ms).getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 16).replace('T', ' ');
}

/** In powers of 1000, as disks count: 512 B, 1.3 MB, 16 GB */
export function byteText(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), units.length - 1);
  const value = bytes / 1000 ** power;
  return `${power === 0 ? value : Number(value.toPrecision(value < 100 ? 2 : 3))} ${units[power] ?? ''}`;
}

/** Converting model.gguf … 42 % (1.3 GB of 3.1 GB) */
export function progressText(what: string, { done, total }: { done: number; total: number }): string {
  return `${what} … ${Math.floor((100 * done) / Math.max(1, total))} % (${byteText(done)} of ${byteText(total)})`;
}
