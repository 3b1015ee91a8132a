// Writes what a job says into the history. Steps are gathered and written twice a second in one transaction, so that
// a fast run costs the host next to nothing; what a person waits for is written at once.
import type { JobRecord } from '../../preload/contract.ts';
import type { History } from '../store/history.ts';
import type { RunChanges } from '../store/runs.ts';

const FLUSH_MS = 500;

export type Recorder = {
  record(record: JobRecord): void;
  /** Writes what is still gathered. */
  flush(): void;
};

/** A recorder for one run. An error while writing later than the call goes to `onError`. */
export function createRecorder(history: History, runId: string, onError: (error: unknown) => void): Recorder {
  let pending: { record: JobRecord; recordedAt: number }[] = [];
  let timer: NodeJS.Timeout | undefined;

  function flush(): void {
    clearTimeout(timer);
    timer = undefined;
    const batch = pending;
    pending = [];
    if (batch.length === 0) return;
    history.transaction(() => {
      let changes: RunChanges = {};
      for (const { record, recordedAt } of batch) {
        changes = { ...changes, ...write(history, runId, record, recordedAt) };
      }
      history.runs.update(runId, changes);
    });
  }

  return {
    record(record) {
      if (record.type === 'progress') return;
      pending.push({ record, recordedAt: Date.now() });
      if (record.type !== 'step' && record.type !== 'event') {
        flush();
      } else {
        timer ??= setTimeout(() => {
          try {
            flush();
          } catch (error) {
            onError(error);
          }
        }, FLUSH_MS);
      }
    },
    flush,
  };
}

/** Writes one record; returns what it changes about the run itself. */
function write(history: History, runId: string, record: JobRecord, recordedAt: number): RunChanges {
  switch (record.type) {
    case 'progress':
      return {};
    case 'device':
      return { device: record.device };
    case 'start': {
      history.metrics.removeAfter(runId, record.startStep);
      return {
        ...bestOf(history, runId),
        status: 'training',
        startedAt: recordedAt,
        totalSteps: record.totalSteps,
        lastStep: record.startStep,
      };
    }
    case 'step': {
      const { step, loss, stepMs, tokensPerSecond, metrics } = record;
      history.metrics.addStep(runId, {
        step,
        recordedAt,
        loss,
        stepMs,
        tokensPerSecond,
        ...(metrics && { logged: metrics }),
      });
      return { lastStep: step, lastLoss: loss };
    }
    case 'evaluation':
      history.metrics.addEvaluation(runId, { step: record.step, recordedAt, metrics: record.metrics });
      return bestOf(history, runId);
    case 'sample': {
      const { step, index, prompt, text } = record;
      history.samples.add(runId, { step, index, recordedAt, prompt, text });
      return {};
    }
    case 'checkpoint':
      history.checkpoints.add(runId, { step: record.step, path: record.path, recordedAt });
      return {};
    case 'checkpoint-removed':
      history.checkpoints.remove(runId, record.path);
      return {};
    case 'event': {
      const { step, level, message } = record;
      history.events.add(runId, { recordedAt, level, message, ...(step !== undefined && { step }) });
      return {};
    }
    case 'end': {
      const { status, metrics, error } = record;
      if (error !== undefined) history.events.add(runId, { recordedAt, level: 'error', message: error.message });
      return { status, endedAt: recordedAt, metrics, error: error ?? null, host: null, job: null };
    }
  }
}

function bestOf(history: History, runId: string): RunChanges {
  return { bestEvalLoss: history.metrics.lowestEvalLoss(runId) ?? null };
}
