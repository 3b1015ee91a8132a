// The stops of the tour, in order: where each one is, and what is said there.
import type { RunStatus } from '../../preload/contract.ts';
import { linkTo, linkToRun } from '../state/route.svelte.ts';

export type StopId = 'model' | 'data' | 'settings' | 'review' | 'run' | 'try' | 'export';

/** What the words depend on. */
export type Progress = {
  /** Of the tour's run; null before it was started. */
  status: RunStatus | null;
  isAnswered: boolean;
  isExported: boolean;
};

export type Stop = {
  id: StopId;
  /** Of what is there, for the way to it. */
  name: string;
  title: string;
  /** Of the page, for the tour's run. */
  link: (run: string) => string;
  /** One or two sentences: what this is, what to look at, what to press. */
  words: (progress: Progress) => string;
  /** Whether one can go on from here; otherwise what the words ask for comes first. */
  isDone: (progress: Progress) => boolean;
};

const wordsOfRun: Record<RunStatus, string> = {
  queued: 'It waits until the run before it has ended, and then starts by itself.',
  preparing: 'The conversations become tokens, and the training graph is built. The first points come in a moment.',
  training:
    'The curve is the loss: how much the pilot’s words surprise the model. It falls while the model learns; amber points are of conversations that are kept from it.',
  stopped: 'It stands still, and everything up to here is saved. Resume goes on from there.',
  interrupted: 'It was interrupted. Resume goes on from its last checkpoint.',
  failed: 'It has failed: above stands why, and what to do about it. Resume tries again.',
  completed:
    'It has learned. The loss has fallen, also on the conversations that were kept from it, and Samples shows how its answer changed on the way.',
};

export const stops: readonly Stop[] = [
  {
    id: 'model',
    name: 'Model',
    title: 'A model to teach',
    link: () => linkTo(['new', 'model']),
    words: () =>
      'Lorelei’s own starter model is chosen already: small enough to learn something new on any computer. Its panel says what it is, and that it can be trained here.',
    isDone: () => true,
  },
  {
    id: 'data',
    name: 'Data',
    title: 'What it learns from',
    link: () => linkTo(['new', 'data']),
    words: () =>
      'Short conversations, answered by an old river pilot. Further down they stand as the model reads them: it learns to write the words on teal, the grey ones it only reads.',
    isDone: () => true,
  },
  {
    id: 'settings',
    name: 'Settings',
    title: 'How it learns',
    link: () => linkTo(['new', 'settings']),
    words: () =>
      'All of this is filled in, and nothing has to be changed. The meter says how much memory the run takes, and how long it will take on this machine.',
    isDone: () => true,
  },
  {
    id: 'review',
    name: 'Review',
    title: 'Ready',
    link: () => linkTo(['new', 'review']),
    words: () => 'This is what will happen, in plain words. Press Start training when you have read it.',
    isDone: ({ status }) => status !== null,
  },
  {
    id: 'run',
    name: 'Run',
    title: 'Watch it learn',
    link: linkToRun,
    words: ({ status }) => wordsOfRun[status ?? 'preparing'],
    isDone: ({ status }) => status === 'completed',
  },
  {
    id: 'try',
    name: 'Try it',
    title: 'Ask it',
    link: (run) => linkTo(['try'], { run }),
    words: ({ isAnswered }) =>
      isAnswered
        ? 'Both were asked the same, and the words that differ are marked. Ask something of your own, or go on.'
        : 'A question is filled in; press Answer. On the left answers the model as it was, on the right with what it has learned.',
    isDone: () => true,
  },
  {
    id: 'export',
    name: 'Export',
    title: 'Take it along',
    link: (run) => linkTo(['export', run]),
    words: ({ isExported }) =>
      isExported
        ? 'That was the whole way: trained, tried and exported. Further down stands how other programs load it. A model and data of your own go the same way.'
        : 'Press Export to write what was learned into a folder of its own: a small adapter that other programs load, too.',
    isDone: ({ isExported }) => isExported,
  },
];
