// How places on the axes of a chart are said.
import type { XAxis } from './curves.ts';

export const axisNames: Record<XAxis, string> = { step: 'Step', tokens: 'Tokens', time: 'Time' };

/** Steps are whole: an axis counts in 1, 2, 5, 10, 20, 50 … */
const whole = Array.from({ length: 13 }, (_, power) => [1, 2, 5].map((digit) => digit * 10 ** power)).flat();
const [minute, hour, day] = [60, 3600, 86_400];
const seconds = [1, 2, 5, 10, 15, 30, ...[1, 2, 5, 10, 15, 30].map((n) => n * minute)];
const times = [...seconds, ...[1, 2, 4, 6, 12].map((n) => n * hour), ...[1, 2, 5, 10, 20, 50].map((n) => n * day)];

/** The distances that an axis may count in. */
export const increments: Record<XAxis, number[]> = { step: whole, tokens: whole, time: times };

/** "1,200", "3.4M", "1:05:00". */
export function placeText(place: number, axis: XAxis): string {
  if (axis === 'step') return Math.round(place).toLocaleString('en');
  return axis === 'tokens' ? compact(place) : clock(place);
}

function compact(value: number): string {
  if (value < 10_000) return Math.round(value).toLocaleString('en');
  const [size, letter] = value < 1e6 ? [1e3, 'k'] : value < 1e9 ? [1e6, 'M'] : [1e9, 'B'];
  return `${String(Number((value / size).toPrecision(3)))}${letter}`;
}

/** Seconds as "0:07", "12:30", "1:05:00". */
export function clock(time: number): string {
  const total = Math.round(time);
  const [hours, minutes] = [Math.floor(total / hour), Math.floor((total % hour) / minute)];
  const two = (n: number): string => String(n).padStart(2, '0');
  return hours === 0
    ? `${String(minutes)}:${two(total % minute)}`
    : `${String(hours)}:${two(minutes)}:${two(total % minute)}`;
}
