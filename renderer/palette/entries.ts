// What the command palette offers: screens, actions and runs, and which of them are meant by what is typed.
import type { RunSummary } from '../../preload/contract.ts';

export type Entry = {
  id: string;
  name: string;
  /** Said beside it, and searched, too. */
  about: string;
  /** A link of the page, or what to do. */
  to: string | (() => void);
};

export type EntryGroup = { title: string; entries: Entry[] };

/** More of a kind are not shown: one types on. */
const MOST = 8;

/** Each group's entries with every word in them; those whose name begins with what was typed come first. */
export function matchingEntries(groups: readonly EntryGroup[], typed: string): EntryGroup[] {
  const wanted = typed.trim().toLowerCase();
  const words = wanted.split(/\s+/);
  const isMeant = ({ name, about }: Entry): boolean =>
    words.every((word) => `${name} ${about}`.toLowerCase().includes(word));
  const begins = ({ name }: Entry): number => (name.toLowerCase().startsWith(wanted) ? 0 : 1);
  return groups
    .map(({ title, entries }) => ({
      title,
      entries: entries
        .filter(isMeant)
        .sort((a, b) => begins(a) - begins(b))
        .slice(0, MOST),
    }))
    .filter(({ entries }) => entries.length > 0);
}

export function runEntries(runs: readonly RunSummary[], linkOf: (id: string) => string): Entry[] {
  return runs.map(({ id, name, method, modelName, status }) => ({
    id: `run:${id}`,
    name: name ?? id,
    about: [method.toUpperCase(), modelName, status, ...(name === null ? [] : [id])].join(' · '),
    to: linkOf(id),
  }));
}
