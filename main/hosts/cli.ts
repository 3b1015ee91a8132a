// The door for terminals. Commands stand in cli/program.ts.
import { EXIT } from './cli/follow.ts';
import { forkedJobs } from './cli/fork-job.ts';
import { oldNode } from './cli/old-node.ts';
import { runCommandLine } from './cli/program.ts';

const refusal = oldNode();
if (refusal !== undefined) {
  console.error(refusal);
  process.exit(EXIT.requestWrong);
}
// npm runs scripts in the project's folder; paths are meant from where the person is.
if (process.env.npm_lifecycle_event === 'lorelei' && process.env.INIT_CWD !== undefined) {
  process.chdir(process.env.INIT_CWD);
}
// A reader such as `head` may leave early, and a terminal may close; the run goes on.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error;
  });
}
await runCommandLine(process.argv.slice(2), forkedJobs());
