// What `npm run test:cuda` says: a run on the card beside the same run on the processor, and how far they are apart.

/** What a run logs at a step, and when it was heard. */
export type LoggedStep = { step: number; loss: number; grad_norm: number; num_tokens: number; atMs: number } & Partial<
  Record<'gpu_memory_peak_megabytes' | 'process_memory_peak_megabytes', number>
>;

/** A line of `--json`; undefined where it is about something else than a step. */
export function loggedStep(line: string, atMs: number): LoggedStep | undefined {
  if (!line.startsWith('{"step":')) return undefined;
  const values = JSON.parse(line) as Partial<LoggedStep>;
  if (values.loss === undefined || values.grad_norm === undefined) return undefined;
  return { ...(values as LoggedStep), atMs };
}

/** How far losses and gradient norms may be apart, relative. */
export const tolerances = {
  /**
   * Sums in another order, through some steps of AdamW, which divides small gradients by themselves. On software adapters
   * it stays below 1e-4.
   */
  float32: 1e-3,
  /** Its products have 8 bits of mantissa, and the processor beside it computes in float32. */
  bfloat16: 5e-2,
};

/** The largest relative difference of a loss or a gradient norm; infinite where steps are missing or no numbers. */
export function largestDifference(found: readonly LoggedStep[], expected: readonly LoggedStep[]): number {
  if (found.length !== expected.length || expected.length === 0) return Infinity;
  const differences = expected.flatMap(({ loss, grad_norm: norm }, i) => [
    Math.abs((found[i]?.loss ?? Number.NaN) - loss) / Math.abs(loss),
    Math.abs((found[i]?.grad_norm ?? Number.NaN) - norm) / norm,
  ]);
  return differences.some(Number.isNaN) ? Infinity : Math.max(...differences);
}

/** Without the first step, in which kernels are loaded; undefined for fewer than three. */
export function tokensPerSecond(steps: readonly LoggedStep[]): number | undefined {
  const [first, last] = [steps[0], steps.at(-1)];
  if (first === undefined || last === undefined || steps.length < 3) return undefined;
  return (last.num_tokens - first.num_tokens) / ((last.atMs - first.atMs) / 1000);
}

export type Comparison = {
  title: string;
  tolerance: number;
  onCard: readonly LoggedStep[];
  onProcessor: readonly LoggedStep[];
};

export const passes = ({ onCard, onProcessor, tolerance }: Comparison): boolean =>
  largestDifference(onCard, onProcessor) < tolerance;

export function tableOf(comparisons: readonly Comparison[]): string[] {
  const rows = comparisons.map((comparison) => {
    const { title, tolerance, onCard, onProcessor } = comparison;
    const [here, there] = [tokensPerSecond(onProcessor), tokensPerSecond(onCard)];
    const span = (steps: readonly LoggedStep[]): string =>
      `${steps[0]?.loss.toFixed(4) ?? 'none'} to ${steps.at(-1)?.loss.toFixed(4) ?? 'none'}`;
    const difference = largestDifference(onCard, onProcessor);
    return [
      passes(comparison) ? 'ok' : 'FAILED',
      title,
      span(onProcessor),
      span(onCard),
      Number.isFinite(difference) ? difference.toExponential(1) : 'not comparable',
      tolerance.toExponential(0),
      here === undefined ? '-' : here.toFixed(0),
      there === undefined ? '-' : there.toFixed(0),
      here === undefined || there === undefined ? '-' : `${(there / here).toFixed(2)} x`,
      `${onCard.at(-1)?.gpu_memory_peak_megabytes?.toFixed(0) ?? '?'} MB`,
    ];
  });
  const head = [
    '',
    'run',
    'loss, processor',
    'loss, card',
    'apart',
    'may be',
    'tokens/s',
    'on the card',
    'ratio',
    'GPU peak',
  ];
  const widths = head.map((name, i) => Math.max(name.length, ...rows.map((row) => row[i]?.length ?? 0)));
  return [head, ...rows].map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
