// The command line with jobs that train nothing: node test/support/fake-lorelei.ts sft …
import { fileURLToPath } from 'node:url';
import { forkedJobs } from '../../main/hosts/cli/fork-job.ts';
import { runCommandLine } from '../../main/hosts/cli/program.ts';

const worker = fileURLToPath(new URL('fake-worker.ts', import.meta.url));
await runCommandLine(process.argv.slice(2), forkedJobs(worker));
