// Notices that the history changed, whichever process wrote, and that the host of a run died without writing.
import type { StoredRun } from '../store/runs.ts';
import type { App } from './app.ts';
import { isUnderWay, withTrueStatus } from './find-run.ts';

const LOOK_MS = 500;

/** Calls `onChange` at most twice a second, until the returned function is called. */
export function watchHistory(app: App, onChange: () => void): () => void {
  let version = '';
  let underWay: StoredRun[] = [];
  const living = (): number => underWay.filter((run) => isUnderWay(withTrueStatus(run))).length;

  function look(): string {
    const current = app.history.version();
    if (current !== version) underWay = app.history.runs.underWay();
    version = current;
    return `${version} ${living()}`;
  }

  let seen = look();
  const timer = setInterval(() => {
    const now = look();
    if (now === seen) return;
    seen = now;
    onChange();
  }, LOOK_MS);
  return () => clearInterval(timer);
}
