// All trackers.
import { comet } from './comet.ts';
import { mlflow } from './mlflow.ts';
import { tensorboard } from './tensorboard.ts';
import type { TrackerTarget } from './tracker.ts';

export const trackerTargets: readonly TrackerTarget[] = [comet, mlflow, tensorboard];

/** The tracker that report_to calls `name`. */
export function trackerTarget(name: string): TrackerTarget | undefined {
  return trackerTargets.find((one) => one.name === name);
}
