// What becomes of runs when the window closes or the app quits: the person says whether they go on in the tray or are
// stopped and saved. Runs end with the app, so it never quits before they have saved. Work that would have to begin anew
// is asked about, too.
import { app as electron, dialog, powerMonitor, type Event } from 'electron';
import type { App } from '../../app/app.ts';
import type { ErrandName } from '../../app/errands.ts';
import { followedRuns, killRun, stopFollowedRuns } from '../../app/queue.ts';
import type { MainWindow } from './main-window.ts';
import { openTray } from './tray.ts';

type Departure = { /** Whether the app lives on without a window. */ staysInTray: () => boolean };

export function prepareDeparture(app: App, window: MainWindow): Departure {
  let state: 'here' | 'asking' | 'saving' | 'leaving' = 'here';
  let closeTray: (() => void) | undefined;

  const runsGoOn = (): boolean => followedRuns(app).length > 0;
  const workUnderWay = (): string | undefined =>
    [...app.errands].map(({ name }) => workToLose[name]).find((words) => words !== undefined);

  /** Asks what is to be done; anything may have happened to the runs meanwhile. */
  async function ask(): Promise<void> {
    state = 'asking';
    const work = workUnderWay();
    const choice =
      runsGoOn() || work === undefined
        ? await askAboutRuns(followedRuns(app), window)
        : await askAboutWork(work, window);
    state = 'here';
    if (choice === 'keep') goToTray();
    else if (choice === 'stop') await saveAndQuit();
  }

  function goToTray(): void {
    closeTray ??= openTray({
      runs: () => followedRuns(app),
      show: () => window.show(),
      quit: () => void saveAndQuit(),
    });
    window.destroy();
  }

  async function saveAndQuit(): Promise<void> {
    if (state === 'saving' || state === 'leaving') return;
    state = 'saving';
    await stopFollowedRuns(app);
    leave();
  }

  function leave(): void {
    state = 'leaving';
    closeTray?.();
    electron.quit();
  }

  /** True where nothing speaks against it; else what has to be asked or done is begun. */
  function mayGo(): boolean {
    if (state === 'leaving' || (state === 'here' && !runsGoOn() && workUnderWay() === undefined)) return true;
    if (state === 'here') void ask();
    else if (state === 'saving') void askWhetherToWait();
    return false;
  }

  async function askWhetherToWait(): Promise<void> {
    const { response } = await messageBox(window, {
      type: 'question',
      message: 'Lorelei is still saving.',
      detail: 'The run ends after its current step, then the app closes by itself.',
      buttons: ['Wait', 'End at once'],
      defaultId: 0,
      cancelId: 0,
    });
    if (response === 1) for (const id of followedRuns(app)) killRun(app, id);
  }

  window.mayClose = mayGo;
  electron.on('before-quit', (event) => {
    if (!mayGo()) event.preventDefault();
  });
  // The machine goes down: there is nobody to ask.
  powerMonitor.on('shutdown', (event?: Event) => {
    if (!runsGoOn()) return;
    event?.preventDefault();
    void saveAndQuit();
  });
  return { staysInTray: () => closeTray !== undefined && state === 'here' && runsGoOn() };
}

type Choice = 'keep' | 'stop' | 'cancel';
const choices: readonly Choice[] = ['keep', 'stop', 'cancel'];

async function askAboutRuns(runs: readonly string[], window: MainWindow): Promise<Choice> {
  const { response } = await messageBox(window, {
    type: 'question',
    message: runs.length === 1 ? `${runs[0]} is still training.` : `${runs.length} runs are still training.`,
    detail:
      'It can keep running in the background, with an icon in the tray to come back to. Or it stops after its current step and is saved, to be resumed later.',
    buttons: ['Keep running', 'Stop and save', 'Cancel'],
    defaultId: 0,
    cancelId: 2,
    noLink: true,
  });
  return choices[response] ?? 'cancel';
}

/** Errands that are lost with the app, in words. Others are quick, or go on where they were; downloads do, too. */
const workToLose: Partial<Record<ErrandName, string>> = {
  upload: 'An upload to the Hugging Face Hub is under way.',
  export: 'An export is under way.',
};

async function askAboutWork(work: string, window: MainWindow): Promise<Choice> {
  const { response } = await messageBox(window, {
    type: 'question',
    message: work,
    detail: 'If Lorelei quits now, it is given up and has to be begun anew.',
    buttons: ['Go on', 'Give up and quit'],
    defaultId: 0,
    cancelId: 0,
    noLink: true,
  });
  return response === 1 ? 'stop' : 'cancel';
}

function messageBox(window: MainWindow, options: Electron.MessageBoxOptions): Promise<Electron.MessageBoxReturnValue> {
  const { parent } = window;
  return parent === undefined ? dialog.showMessageBox(options) : dialog.showMessageBox(parent, options);
}
