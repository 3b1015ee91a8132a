// What no content of a window may do: go elsewhere, open windows, embed a browser, use devices of the machine.
import { app as electron, session, type Event } from 'electron';
import { isPageUrl } from './page-protocol.ts';

/** Locks every content that is ever made, ours or not. */
export function lockContents(): void {
  electron.on('web-contents-created', (_event, contents) => {
    contents.setWindowOpenHandler(() => ({ action: 'deny' }));
    const stay = (event: Event & { url: string }): void => {
      if (!isPageUrl(event.url)) event.preventDefault();
    };
    contents.on('will-navigate', stay);
    contents.on('will-frame-navigate', stay);
    contents.on('will-redirect', stay);
    contents.on('will-attach-webview', (event) => event.preventDefault());
  });
}

/** The page needs nothing of the machine but to copy text. */
export function refusePermissions(): void {
  const { defaultSession } = session;
  const isNeeded = (permission: string): boolean => permission === 'clipboard-sanitized-write';
  defaultSession.setPermissionRequestHandler((contents, permission, decide) => {
    decide(isNeeded(permission) && isPageUrl(contents.getURL()));
  });
  defaultSession.setPermissionCheckHandler(
    (_contents, permission, origin) => isNeeded(permission) && isPageUrl(origin),
  );
  defaultSession.setDevicePermissionHandler(() => false);
}
