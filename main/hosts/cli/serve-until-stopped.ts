// `lorelei serve`: keeps the door for browsers open until Ctrl-C, and says which link to open.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { App } from '../../app/app.ts';
import { followedRuns, stopFollowedRuns } from '../../app/queue.ts';
import { UserError } from '../../errors.ts';
import { serve } from '../serve.ts';

/** The built page: beside the built command line. */
const pageFolder = join(import.meta.dirname, '../renderer');

/** Serves on 127.0.0.1 until the process is interrupted. Throws UserError "port-in-use", "bad-port", "not-built". */
export async function serveUntilStopped(app: App, portText: string): Promise<void> {
  const port = Number(portText);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new UserError({
      code: 'bad-port',
      message: `--port is ${portText}, which is no port.`,
      fix: 'Give a whole number from 1 to 65535, or 0 for any that is free.',
    });
  }
  if (!existsSync(pageFolder)) {
    throw new UserError({
      code: 'not-built',
      message: `The page is not built: there is no folder ${pageFolder}.`,
      fix: 'Run npm run build in the project’s folder.',
    });
  }
  const interrupted = new Promise<void>((resolve) => {
    process.once('SIGINT', resolve).once('SIGTERM', resolve).once('SIGHUP', resolve);
  });
  let links = 0;
  const server = await serve(app, {
    port,
    pageFolder,
    onLink(link) {
      links += 1;
      const words = links === 1 ? 'Open this link; it works once:' : 'For another window:';
      process.stdout.write(`${words} ${link}\n`);
    },
  });
  process.stdout.write('Ctrl-C ends it. A run that was started in a window then stops after its step and is saved.\n');
  await interrupted;
  const followed = followedRuns(app);
  if (followed.length > 0) {
    process.stdout.write(`Stopping ${followed.join(', ')} and saving. Ctrl-C again ends at once.\n`);
    const again = new Promise<void>((resolve) => process.once('SIGINT', resolve).once('SIGTERM', resolve));
    await Promise.race([stopFollowedRuns(app), again]);
  }
  app.hub.downloads.close();
  await server.close();
}
