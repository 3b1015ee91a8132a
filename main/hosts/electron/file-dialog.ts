// The system's own dialog for files and folders.
import { BrowserWindow, dialog, type OpenDialogOptions } from 'electron';
import type { CommandInput } from '../../../preload/contract.ts';

/** The paths that were picked; none where the person cancelled. */
export async function chooseFiles(request: CommandInput<'files.choose'>): Promise<string[]> {
  const { kind, endings, start, title } = request;
  const properties: OpenDialogOptions['properties'] =
    kind === 'folder'
      ? ['openDirectory', 'createDirectory']
      : kind === 'file'
        ? ['openFile']
        : ['openFile', 'multiSelections'];
  const extensions = endings.map((ending) => ending.replace(/^\./, ''));
  const options: OpenDialogOptions = {
    title,
    properties,
    ...(start !== undefined && { defaultPath: start }),
    ...(kind !== 'folder' &&
      extensions.length > 0 && {
        filters: [
          { name: endings.join(', '), extensions },
          { name: 'All files', extensions: ['*'] },
        ],
      }),
  };
  const window = BrowserWindow.getFocusedWindow() ?? BrowserWindow.getAllWindows()[0];
  const { canceled, filePaths } =
    window === undefined ? await dialog.showOpenDialog(options) : await dialog.showOpenDialog(window, options);
  return canceled ? [] : filePaths;
}
