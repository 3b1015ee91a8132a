// Whose turn it is among the runs that wait, and on which GPU: one run on each, where the machine has several; else one
// run at a time. A rule on what is known; who starts runs asks it in the transaction in which a run is claimed.

/** A run as the rule needs to know it. */
export type Contender = {
  id: string;
  /** What its recipe names: "auto", "cuda:1". */
  wanted: string;
  /** What it trains on, where it does; absent while that is being found out. */
  device?: string | undefined;
};

export type Turn = {
  id: string;
  /** The device that is kept for it: absent where it finds one out by itself. */
  device?: string;
};

export type Places = {
  /** The GPUs that runs may have at once: "cuda:0", "cuda:1". With less than two, one run at a time. */
  gpus: readonly string[];
  /** What `device: auto` comes to while nothing else trains: one of `gpus`, "cpu", "webgpu" … */
  auto: string;
};

/** The first in `waiting` whose device is free, undefined where there is none. */
export function nextTurn(
  waiting: readonly Contender[],
  underWay: readonly Contender[],
  places: Places,
): Turn | undefined {
  const [first] = waiting;
  if (first === undefined) return undefined;
  if (places.gpus.length < 2) return underWay.length > 0 ? undefined : { id: first.id, ...named(first, places) };
  const taken = underWay.map((run) => run.device ?? namedBy(run.wanted) ?? EVERYTHING);
  // A run that has not found its device yet, or that computes on nobody knows which GPU, has the machine for itself.
  if (taken.some((device) => !isPlace(device, places))) return undefined;
  for (const run of waiting) {
    const choices = choicesOf(run, places);
    if (choices === undefined) {
      // Whoever comes behind must not keep it waiting for ever.
      return taken.length > 0 ? undefined : { id: run.id };
    }
    const free = choices.find((device) => !taken.includes(device));
    if (free !== undefined) return { id: run.id, ...(run.wanted !== 'auto' && { device: free }) };
  }
  return undefined;
}

const EVERYTHING = 'everything';

const isPlace = (device: string, { gpus }: Places): boolean => device === 'cpu' || gpus.includes(device);

/** "cuda" is any of them, and "auto" any device. */
function namedBy(wanted: string): string | undefined {
  return wanted === 'auto' || wanted === 'cuda' ? undefined : wanted;
}

/** In the order in which they are taken; undefined for what runs alone. */
function choicesOf({ wanted }: Contender, places: Places): readonly string[] | undefined {
  const device = wanted === 'auto' ? places.auto : wanted;
  if (device === 'cuda' || (wanted === 'auto' && places.gpus.includes(device))) return places.gpus;
  return isPlace(device, places) ? [device] : undefined;
}

function named({ wanted }: Contender, { gpus: [only] }: Places): { device?: string } {
  if (wanted === 'cuda') return only === undefined ? {} : { device: only };
  const device = namedBy(wanted);
  return device === undefined ? {} : { device };
}
