// How sizes are said: in powers of 1000, as disks and file managers count.

/** "512 B", "1.3 MB", "16 GB". */
export function sizeText(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), units.length - 1);
  const value = bytes / 1000 ** power;
  return `${String(power === 0 ? value : Number(value.toPrecision(value < 100 ? 2 : 3)))} ${units[power] ?? ''}`;
}

/** Memory of a graphics card as its maker counts: one "of 24 GB" has 24 x 2^30 bytes, about. */
export function cardMemoryText(bytes: number): string {
  return `${Math.round(bytes / 2 ** 30)} GB`;
}
