// The order in which waiting runs come to GPUs: cases as a person would tell them.
import { expect, test } from 'vitest';
import { nextTurn, type Contender, type Places } from '../../main/app/turns.ts';

const two: Places = { gpus: ['cuda:0', 'cuda:1'], auto: 'cuda:0' };
const one: Places = { gpus: ['cuda:0'], auto: 'cuda:0' };
const none: Places = { gpus: [], auto: 'cpu' };

let count = 0;
const waits = (wanted: string): Contender => ({ id: `${wanted} #${count++}`, wanted });
/** "cuda:0" names it and has it; "auto -> cuda:0" found it; "auto" still looks. */
const trains = (...words: string[]): Contender[] =>
  words.map((word, i) => {
    const [wanted = '', found] = word.split(' -> ');
    return { id: `runs ${i}`, wanted, device: found ?? (wanted === 'auto' ? undefined : wanted) };
  });

/** "2 on cuda:1": the second of those that wait, on that GPU; "2 alone" for what finds its device by itself. */
function turn(waiting: string[], underWay: string[], places: Places): string | undefined {
  const queue = waiting.map(waits);
  const next = nextTurn(queue, trains(...underWay), places);
  if (next === undefined) return undefined;
  return `${queue.findIndex(({ id }) => id === next.id) + 1}${next.device === undefined ? '' : ` on ${next.device}`}`;
}

test('with one GPU or none, one run at a time, in order', () => {
  for (const places of [one, none]) {
    expect(turn(['cpu', 'auto'], [], places)).toBe('1 on cpu');
    expect(turn(['auto', 'cpu'], [], places)).toBe('1');
    expect(turn(['cpu'], ['auto'], places)).toBeUndefined();
    expect(turn(['cuda:0', 'cpu'], ['cpu'], places)).toBeUndefined();
  }
  expect(turn(['cuda'], [], one)).toBe('1 on cuda:0');
  expect(turn([], [], two)).toBeUndefined();
});

test('with two, each has a run, and a run that names none takes the first that is free', () => {
  expect(turn(['cuda'], [], two)).toBe('1 on cuda:0');
  expect(turn(['cuda'], ['cuda:0'], two)).toBe('1 on cuda:1');
  expect(turn(['cuda'], ['auto -> cuda:1'], two)).toBe('1 on cuda:0');
  expect(turn(['auto'], ['cuda:0'], two)).toBe('1');
  expect(turn(['cuda', 'auto'], ['cuda:0', 'cuda:1'], two)).toBeUndefined();
});

test('a run waits for the GPU that it names, and those behind it do not wait with it', () => {
  expect(turn(['cuda:0', 'cuda:1'], ['cuda:0'], two)).toBe('2 on cuda:1');
  expect(turn(['cuda:0', 'cuda:0', 'auto'], ['cuda:0'], two)).toBe('3');
  expect(turn(['cuda:0', 'cuda'], ['cuda:1'], two)).toBe('1 on cuda:0');
});

test('while a run still looks for its device, no other begins', () => {
  expect(turn(['cuda:1'], ['auto'], two)).toBeUndefined();
  expect(
    turn(
      ['cpu'],
      ['cuda'].map((wanted) => `${wanted} -> cuda:1`),
      two,
    ),
  ).toBe('1 on cpu');
});

test('a run on the processor goes beside those on GPUs where its recipe says cpu; two of them take turns', () => {
  expect(turn(['cpu'], ['cuda:0'], two)).toBe('1 on cpu');
  expect(turn(['cpu', 'cuda'], ['cpu'], two)).toBe('2 on cuda:0');
  // What could not train on a GPU and came to the processor counts as one of them.
  expect(turn(['cpu', 'auto'], ['auto -> cpu'], two)).toBe('2');
});

test('WebGPU takes nobody knows which GPU: it waits until all are free, nobody overtakes it, and it runs alone', () => {
  expect(turn(['webgpu', 'cuda', 'cpu'], ['cuda:0'], two)).toBeUndefined();
  expect(turn(['cuda:0', 'webgpu', 'cuda'], ['cuda:0'], two)).toBeUndefined();
  expect(turn(['webgpu', 'cuda'], [], two)).toBe('1');
  expect(turn(['cuda', 'cpu'], ['webgpu'], two)).toBeUndefined();
});

test('where CUDA does not conform here, device: auto is what it comes to', () => {
  const broken = { ...two, auto: 'cpu' };
  expect(turn(['auto', 'auto'], ['auto -> cpu'], broken)).toBeUndefined();
  expect(turn(['auto'], ['cuda:0'], broken)).toBe('1');
  expect(turn(['auto', 'cuda:1'], ['cuda:0'], { ...two, auto: 'webgpu' })).toBeUndefined();
});

test('a GPU that is not there any more keeps nobody waiting for ever: the run starts, and is refused', () => {
  expect(turn(['cuda:3', 'cuda'], [], two)).toBe('1');
});
