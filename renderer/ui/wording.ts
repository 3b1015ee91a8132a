// How numbers and times are said on the screen.

/** A loss: four digits that count, "2.1834", "0.03120", and powers of ten for what is smaller. */
export function lossText(loss: number | null | undefined): string {
  if (loss === null || loss === undefined) return '–';
  if (!Number.isFinite(loss)) return String(loss);
  if (loss !== 0 && Math.abs(loss) < 1e-3) return loss.toExponential(2);
  return loss.toFixed(4);
}

/** A value whose size is not known beforehand: 0.00002 -> "2e-5", 12345.6 -> "12,346". */
export function valueText(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (Number.isInteger(value)) return value.toLocaleString('en');
  const size = Math.abs(value);
  if (size < 1e-3) return value.toExponential(2).replace(/\.?0+e/, 'e');
  return size < 1000 ? String(Number(value.toPrecision(4))) : Math.round(value).toLocaleString('en');
}

const units = [
  { name: 'day', ms: 86_400_000 },
  { name: 'hour', ms: 3_600_000 },
  { name: 'minute', ms: 60_000 },
  { name: 'second', ms: 1000 },
];

/** "3 minutes ago"; within the last seconds "just now". */
export function agoText(time: number, now: number): string {
  const elapsedMs = now - time;
  if (elapsedMs < 10_000) return 'just now';
  return `${durationText(elapsedMs)} ago`;
}

/** The largest unit that fits: "2 hours", "12 minutes", "1 second". */
export function durationText(elapsedMs: number): string {
  const unit = units.find(({ ms }) => elapsedMs >= ms) ?? { name: 'second', ms: 1000 };
  const count = Math.round(elapsedMs / unit.ms);
  return `${count} ${unit.name}${count === 1 ? '' : 's'}`;
}

/** "about 12 minutes left". */
export function timeLeftText(leftMs: number): string {
  if (leftMs < 45_000) return 'less than a minute left';
  return `about ${durationText(Math.max(leftMs, 60_000))} left`;
}

/** The time of day and, for another day than today, its date. */
export function clockText(time: number, now: number): string {
  const date = new Date(time);
  const clock = date.toLocaleTimeString('en-GB');
  const sameDay = date.toDateString() === new Date(now).toDateString();
  return sameDay ? clock : `${date.toLocaleDateString('en-GB', { day: 'numeric', month: 'short' })} ${clock}`;
}

/** Parameters, downloads, rows: "4.2 M", "135 M", "1.7 B". */
export function countText(count: number): string {
  return count < 10_000 ? count.toLocaleString('en') : scaled(count);
}

const countUnits = ['', 'k', 'M', 'B', 'T'];

/** Three digits that count. */
function scaled(value: number): string {
  let step = 0;
  while (value >= 999.5 && step < countUnits.length - 1) {
    value /= 1000;
    step += 1;
  }
  return `${value.toFixed(value >= 99.95 ? 0 : 1)} ${countUnits[step] ?? ''}`;
}
