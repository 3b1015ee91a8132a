// Processes that a bench measures: our side, built as the product is, and others with the same protocol (JSON lines).
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'vite';
import { leanEnvironment, leanFlags } from '../../main/hosts/lean-process.ts';

export type StepAnswer = { step_ms: number[]; loss: number; peak_rss_bytes: number };
export type Worker = { name: string; ask<T>(command: object): Promise<T>; close(): void };

const here = import.meta.dirname;
const root = join(here, '../..');

export function startWorker(
  name: string,
  program: string,
  args: string[],
  { hasGreeting = false, environment = {} }: { hasGreeting?: boolean; environment?: Record<string, string> } = {},
): Worker {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'], env: { ...environment, ...process.env } });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<unknown> => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error(`${name} ended`);
    return JSON.parse(value);
  };
  const greeting = hasGreeting ? next() : Promise.resolve();
  return {
    name,
    ask: async <T>(command: object): Promise<T> => {
      await greeting;
      child.stdin.write(`${JSON.stringify(command)}\n`);
      return (await next()) as T;
    },
    close: () => {
      child.kill();
    },
  };
}

/** Our side, started as hosts start a job of the same memory. */
export function startOurs(name: string, ours: string, memory: 'fast' | 'lean', args: string[]): Worker {
  const isLean = memory === 'lean';
  return startWorker(name, process.execPath, [...(isLean ? leanFlags : []), ours, '--memory', memory, ...args], {
    environment: isLean ? leanEnvironment : {},
  });
}

/** Our side built as the product is: a process that reads TypeScript holds the reader as well. Gives the file. */
export async function builtSide(): Promise<string> {
  await build({
    configFile: false,
    logLevel: 'warn',
    root,
    build: { ssr: join(here, 'ours.ts'), outDir: join(root, 'out', 'bench'), target: 'node22' },
  });
  return join(root, 'out', 'bench', 'ours.js');
}

export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** The same tokens every time; the last `labelled` of each row are labels. */
export function randomBatch({
  batch,
  seq,
  labelled,
  vocab,
}: {
  batch: number;
  seq: number;
  labelled: number;
  vocab: number;
}): { input_ids: number[][]; labels: number[][] } {
  let state = 7;
  const token = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state % vocab;
  };
  const ids = Array.from({ length: batch }, () => Array.from({ length: seq }, token));
  const labels = ids.map((row) => row.map((id, i) => (i >= seq * (1 - labelled) ? id : -100)));
  return { input_ids: ids, labels };
}
