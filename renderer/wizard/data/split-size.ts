// How many rows test_split_size sets aside, as main/data/split-dataset.ts counts them.

/** `size`: a share below 1 (rounded up), or a number of rows. */
export function rowsSetAside(rows: number, size: number): number {
  return size < 1 ? Math.ceil(rows * size) : size;
}
