// The list of runs, asked for once for the whole page: the frame follows it, every screen reads it.
import { LiveAnswer } from './live.svelte.ts';

export const runs = new LiveAnswer('runs.list', {});
