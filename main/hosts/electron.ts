// The door of the desktop app: one sandboxed window that shows the page, and the contract over Electron's channels. The
// parts stand in electron/; what is asked is answered by app/.
import { app as electron, dialog } from 'electron';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { openApp } from '../app/app.ts';
import { homeFolder, placesIn } from '../app/home.ts';
import { serveWindows } from '../app/window-host.ts';
import { messageOf, UserError } from '../errors.ts';
import { prepareDeparture } from './electron/departure.ts';
import { chooseFiles, confirmFiles } from './electron/file-dialog.ts';
import { lockContents, refusePermissions } from './electron/locks.ts';
import { MainWindow } from './electron/main-window.ts';
import { setMenu } from './electron/menu.ts';
import { openChannels } from './electron/page-channels.ts';
import { declarePageScheme, servePage } from './electron/page-protocol.ts';
import { tellRunEnds } from './electron/run-notices.ts';
import { safeSecretStore } from './electron/safe-secret-store.ts';
import { openInBrowser } from './electron/open-in-browser.ts';
import { utilityErrands } from './electron/utility-errand.ts';
import { utilityJobs } from './electron/utility-job.ts';

const home = placesIn(homeFolder(process.env));
// What Chromium keeps lies in the home folder too: homes are apart, and so are the instances that show them.
const profile = home.windowProfile;
mkdirSync(profile, { recursive: true });
electron.setPath('userData', profile);
declarePageScheme();
lockContents();

if (electron.requestSingleInstanceLock()) void electron.whenReady().then(start).catch(failToStart);
else electron.quit();

function start(): void {
  const app = openApp(
    {
      launchJob: utilityJobs(),
      ...utilityErrands(home.folder),
      secretStore: safeSecretStore(home.secrets),
      kind: 'desktop',
      chooseFiles,
      confirmFiles,
      openInBrowser,
    },
    home.folder,
  );
  servePage();
  refusePermissions();
  openChannels(app);

  const window = new MainWindow(join(profile, 'place.json'));
  const departure = prepareDeparture(app, window);
  const ends = [serveWindows(app), tellRunEnds(app, window)];
  setMenu();
  window.open();

  electron.on('second-instance', () => window.show());
  electron.on('activate', () => window.show());
  electron.on('window-all-closed', () => {
    if (process.platform !== 'darwin' && !departure.staysInTray()) electron.quit();
  });
  electron.on('will-quit', () => {
    ends.forEach((end) => end());
    app.hub.downloads.close();
    app.history.close();
  });
}

/** A home that cannot be written, a history of a newer version: there is no window yet that could say so. */
function failToStart(error: unknown): void {
  console.error(error);
  const words = error instanceof UserError ? `${error.message}\n\n${error.fix}` : messageOf(error);
  dialog.showErrorBox('Lorelei cannot start', words);
  electron.exit(1);
}
