// Numbers that were float32 in a file, as a person would have written them.

/** The shortest decimal number that rounds to the same float32: 1e-5 for 0.000009999999747378752. */
export function shortFloat(value: number): number {
  if (Math.fround(value) !== value) return value;
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return value;
}
