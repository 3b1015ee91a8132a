// A child process for a test: writes checkpoints without end, until it is killed. Usage: node write-checkpoints.ts RUN_DIR
import { pruneCheckpoints, writeCheckpoint } from '../../main/checkpoints/run-state.ts';
import { checkpointOfStep } from './checkpoint-of-step.ts';

const runDir = process.argv[2] ?? '';
for (let step = 1; ; step++) {
  // Every third step is written twice: the second replaces the first.
  for (let times = step % 3 === 0 ? 2 : 1; times > 0; times--) writeCheckpoint(runDir, checkpointOfStep(step, 20_000));
  process.stdout.write(`${String(step)}\n`);
  pruneCheckpoints(runDir, 2);
}
