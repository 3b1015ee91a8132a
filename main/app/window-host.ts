// What a host does all along while it shows windows: it watches the history, moves the queue on, sends what trackers
// still have to get, and purges what was deleted.
import type { App } from './app.ts';
import { keepQueueMoving } from './queue.ts';
import { keepPurging } from './run-notes.ts';
import { keepSendingQueued } from './send-queued.ts';
import { watchHistory } from './watch-history.ts';

/** Ends with the returned function. */
export function serveWindows(app: App): () => void {
  const ends = [
    watchHistory(app, () => app.tell({ type: 'history-changed' })),
    keepQueueMoving(app),
    keepSendingQueued(app),
    keepPurging(app),
    app.coolErrands,
  ];
  return () => ends.forEach((end) => end());
}
