// What a host and an errand's process say to each other. Both are of the same build, so nothing is checked.
import type { ErrandHooks } from '../app/errand.ts';
import type { ErrandName } from '../app/errands.ts';
import type { ErrorDetails } from '../errors.ts';

export type ErrandOrder = { errand: ErrandName; input: unknown; /** The home folder. */ home: string };

/** Gives up the order in hand, so that the process can take another one. */
export type ErrandCancel = { cancel: true };

/** Asks a process that has answered to end by itself, as a run's does. */
export type ErrandLeave = { leave: true };

export type ErrandAnswer =
  | { type: 'progress'; progress: Parameters<ErrandHooks['onProgress']>[0] }
  | { type: 'done'; value: unknown }
  | { type: 'refused'; error: ErrorDetails }
  | { type: 'cancelled' };
