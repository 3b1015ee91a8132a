// Opens a link in the person's own browser. Which links may be opened stands in app/external-links.ts.
import { shell } from 'electron';

export const openInBrowser = (url: string): Promise<void> => shell.openExternal(url);
