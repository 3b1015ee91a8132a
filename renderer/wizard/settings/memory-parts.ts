// What memory is needed for, in the order and the colours of its bar.
import type { Estimate } from '../../../preload/contract.ts';

export type Memory = Estimate['memory'];

export const memoryParts: readonly { part: keyof Memory; name: string; color: string }[] = [
  { part: 'weights', name: 'Weights', color: 'var(--accent)' },
  { part: 'activations', name: 'Activations', color: 'var(--amber)' },
  { part: 'optimizer', name: 'Optimizer', color: 'light-dark(#7c5cbf, #a48be0)' },
  { part: 'overhead', name: 'Overhead', color: 'var(--control)' },
];

export const neededBytes = (memory: Memory): number => memoryParts.reduce((sum, { part }) => sum + memory[part], 0);

/** Bytes that there are to take, as far as that is known. */
export const roomOf = ({ freeBytes, totalBytes }: { freeBytes: number | null; totalBytes: number | null }): number =>
  freeBytes ?? totalBytes ?? Infinity;
