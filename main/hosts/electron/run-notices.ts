// A word from the system when a run of this program ends while nobody looks at the window.
import { Notification } from 'electron';
import type { RunStatus } from '../../../preload/contract.ts';
import type { App } from '../../app/app.ts';
import { isUnderWay } from '../../app/find-run.ts';
import type { StoredRun } from '../../store/runs.ts';
import type { MainWindow } from './main-window.ts';

const words: Partial<Record<RunStatus, string>> = {
  completed: 'is complete.',
  stopped: 'was stopped and saved.',
  failed: 'failed.',
  interrupted: 'was interrupted.',
};

/** Until the returned function is called. */
export function tellRunEnds(app: App, window: MainWindow): () => void {
  const watched = new Set<string>();

  function look(): void {
    for (const id of watched) {
      const run = app.history.runs.get(id);
      if (run !== undefined && isUnderWay(run)) continue;
      watched.delete(id);
      if (run !== undefined && !window.isFocused) tell(run);
    }
  }

  function tell(run: StoredRun): void {
    const end = words[run.status];
    if (end === undefined || !Notification.isSupported()) return;
    const notice = new Notification({
      title: `${run.name ?? run.id} ${end}`,
      body: run.error?.message ?? `${run.lastStep} steps.`,
    });
    notice.on('click', () => window.show());
    notice.show();
  }

  return app.listen((event) => {
    if (event.type === 'history-changed') look();
    if (event.type !== 'run-records') return;
    const run = app.history.runs.get(event.run);
    if (run !== undefined && isUnderWay(run)) watched.add(event.run);
  });
}
