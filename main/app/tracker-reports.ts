// What each tracker needs, where its logs go, and what it has still to get.
import type { TrackerReport } from '../../preload/contract.ts';
import { trackersLeftOver } from '../trackers/left-over.ts';
import { trackerTargets } from '../trackers/registry.ts';
import { runFolder, type App } from './app.ts';
import { isUnderWay, withTrueStatus } from './find-run.ts';
import { reportTo } from './track-run.ts';

export async function trackerReports(app: App): Promise<TrackerReport[]> {
  const waiting = await waitingRuns(app);
  return trackerTargets.map(({ name, title, setup }) => ({
    name,
    title,
    place: withoutAccess(setup.place(process.env)),
    secrets: [...setup.secrets],
    needsSecrets: setup.needsSecrets,
    variables: setup.variables.map((variable) => {
      const value = process.env[variable];
      return { name: variable, value: value === undefined || value === '' ? null : withoutAccess(value) };
    }),
    waitingRuns: waiting.get(name) ?? 0,
  }));
}

/** Tracker -> how many ended runs it has not got in full. */
async function waitingRuns(app: App): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (const run of app.history.runs.list()) {
    if (reportTo(run.recipe).length === 0 || isUnderWay(withTrueStatus(run))) continue;
    for (const { name } of await trackersLeftOver(runFolder(app, run))) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

/** An address may hold a name and a password. */
function withoutAccess(text: string): string {
  return text.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/?#]*@/i, '$1');
}
