// What the job of a run says, told to windows: gathered for a tenth of a second, because a fast run has a hundred steps
// a second.
import type { JobRecord } from '../../preload/contract.ts';
import type { App } from './app.ts';

const GATHER_MS = 100;

export function gatherRecords(app: App, run: string): { add(record: JobRecord): void; flush(): void } {
  let records: JobRecord[] = [];
  let timer: NodeJS.Timeout | undefined;
  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (records.length > 0) app.tell({ type: 'run-records', run, records });
    records = [];
  };
  return {
    add(record) {
      records.push(record);
      timer ??= setTimeout(flush, GATHER_MS);
    },
    flush,
  };
}
