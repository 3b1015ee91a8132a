// What else happens to a run: events to read later, checkpoints that lie on disk, exports that were written, answers to
// sample prompts.
import type { Database } from 'better-sqlite3';
import type { SamplePrompt } from '../../preload/contract.ts';

export type StoredEvent = {
  recordedAt: number;
  step?: number;
  level: 'info' | 'warning' | 'error';
  message: string;
};

export type StoredCheckpoint = { step: number; path: string; recordedAt: number };

/** `step` is absent where the finished adapter was exported. */
export type StoredExport = { recordedAt: number; target: string; step?: number; path: string };

/** `index` is the prompt's place in the recipe. */
export type StoredSample = { step: number; index: number; recordedAt: number; prompt: SamplePrompt; text: string };

type WithNullStep<Row extends { step?: number }> = Omit<Row, 'step'> & { step: number | null };

const withoutNull = <Row extends { step: number | null }>({ step, ...row }: Row) => ({
  ...row,
  ...(step !== null && { step }),
});

/** Statements on events, in order of time. */
export function eventTable(database: Database) {
  const insert = database.prepare(
    'insert into events (run_id, recorded_at, step, level, message) values (@runId, @recordedAt, @step, @level, @message)',
  );
  const list = database.prepare<[string], WithNullStep<StoredEvent>>(
    'select recorded_at as recordedAt, step, level, message from events where run_id = ? order by id',
  );
  return {
    add(runId: string, event: StoredEvent): void {
      insert.run({ ...event, runId, step: event.step ?? null });
    },
    list: (runId: string): StoredEvent[] => list.all(runId).map(withoutNull),
  };
}

/** Statements on the checkpoints that lie on disk, in order of steps. */
export function checkpointTable(database: Database) {
  const insert = database.prepare(
    'insert or replace into checkpoints (run_id, step, path, recorded_at) values (@runId, @step, @path, @recordedAt)',
  );
  const list = database.prepare<[string], StoredCheckpoint>(
    'select step, path, recorded_at as recordedAt from checkpoints where run_id = ? order by step',
  );
  const remove = database.prepare('delete from checkpoints where run_id = ? and path = ?');
  return {
    add(runId: string, checkpoint: StoredCheckpoint): void {
      insert.run({ ...checkpoint, runId });
    },
    list: (runId: string): StoredCheckpoint[] => list.all(runId),
    remove(runId: string, path: string): void {
      remove.run(runId, path);
    },
  };
}

/** Statements on exports, in order of time. */
export function exportTable(database: Database) {
  const insert = database.prepare(
    'insert into exports (run_id, recorded_at, target, step, path) values (@runId, @recordedAt, @target, @step, @path)',
  );
  const list = database.prepare<[string], WithNullStep<StoredExport>>(
    'select recorded_at as recordedAt, target, step, path from exports where run_id = ? order by id',
  );
  return {
    add(runId: string, entry: StoredExport): void {
      insert.run({ ...entry, runId, step: entry.step ?? null });
    },
    list: (runId: string): StoredExport[] => list.all(runId).map(withoutNull),
  };
}

/** Statements on answers to sample prompts, by step and prompt. A step sampled twice (after a resume) keeps the later. */
export function sampleTable(database: Database) {
  const insert = database.prepare(
    `insert or replace into samples (run_id, step, prompt_index, recorded_at, prompt, answer)
     values (@runId, @step, @index, @recordedAt, @prompt, @text)`,
  );
  const list = database.prepare<[string], Omit<StoredSample, 'prompt'> & { prompt: string }>(
    `select step, prompt_index as "index", recorded_at as recordedAt, prompt, answer as text from samples
     where run_id = ? order by step, prompt_index`,
  );
  const copy = database.prepare(
    `insert into samples (run_id, step, prompt_index, recorded_at, prompt, answer)
     select @to, step, prompt_index, recorded_at, prompt, answer from samples where run_id = @from and step <= @step`,
  );
  return {
    add(runId: string, sample: StoredSample): void {
      insert.run({ ...sample, runId, prompt: JSON.stringify(sample.prompt) });
    },
    /** Gives a run what another one answered until `step`. */
    copy(from: string, to: string, step: number): void {
      copy.run({ from, to, step });
    },
    list: (runId: string): StoredSample[] =>
      list.all(runId).map(({ prompt, ...sample }) => ({ ...sample, prompt: JSON.parse(prompt) as SamplePrompt })),
  };
}
