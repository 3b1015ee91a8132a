// An MLflow server through its REST API 2.0. Names and environment variables are those of transformers' MLflowCallback
// and of MLflow's own client.
import { randomUUID } from 'node:crypto';
import { userInfo } from 'node:os';
import { messageOf, UserError } from '../errors.ts';
import { requestJson, httpAddress } from './http.ts';
import { mlflowName } from './metric-names.ts';
import { flattened, maskedParameters, pythonText } from './parameters.ts';
import {
  DeliveryError,
  type Environment,
  type TrackedEnd,
  type TrackedRun,
  type Tracker,
  type TrackerContext,
  type TrackerEntry,
  type TrackerTarget,
} from './tracker.ts';

/** Where `mlflow server` listens unless told otherwise. */
const DEFAULT_ADDRESS = 'http://127.0.0.1:5000';
/** mlflow.utils.validation. */
const PARAMETERS_PER_REQUEST = 100;
const METRICS_PER_REQUEST = 1000;
const PARAMETER_LENGTH = 6000;
const NAME_LENGTH = 250;

const KEY_TAG = 'lorelei.key';

const END_STATUS: Record<TrackedEnd, 'FINISHED' | 'KILLED' | 'FAILED'> = {
  completed: 'FINISHED',
  stopped: 'KILLED',
  failed: 'FAILED',
  interrupted: 'FAILED',
};

export const mlflow: TrackerTarget = {
  name: 'mlflow',
  title: 'MLflow',
  queuesOnDisk: true,
  batch: 100,
  setup: {
    place: (environment) => environment['MLFLOW_TRACKING_URI'] || DEFAULT_ADDRESS,
    secrets: ['MLFLOW_TRACKING_TOKEN', 'MLFLOW_TRACKING_USERNAME', 'MLFLOW_TRACKING_PASSWORD'],
    needsSecrets: false,
    variables: ['MLFLOW_TRACKING_URI', 'MLFLOW_EXPERIMENT_NAME'],
  },
  create: (run, context) => createMlflow(run, context),
};

type Tag = { key: string; value: string };

function createMlflow(run: TrackedRun, context: TrackerContext): Tracker {
  const { environment, state } = context;
  let address = '';
  let authorization: string | undefined;
  let secrets: string[] = [];
  /** Why the keychain could not be asked: most servers need no access, so this alone stops nothing. */
  let keychainProblem: UserError | undefined;
  let runId = '';

  const call = async (method: 'GET' | 'POST', path: string, values: Record<string, unknown>): Promise<unknown> => {
    const query = method === 'GET' ? `?${new URLSearchParams(values as Record<string, string>)}` : '';
    return requestJson(
      {
        method,
        url: `${address}/api/2.0/mlflow/${path}${query}`,
        ...(authorization !== undefined && { headers: { authorization } }),
        ...(method === 'POST' && { body: values }),
      },
      { signal: context.signal, timeoutMs: context.requestMs, secrets },
    );
  };

  async function secretOf(name: string): Promise<string | undefined> {
    try {
      return await context.readSecret(name);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      keychainProblem = error;
      return undefined;
    }
  }

  async function readAccess(): Promise<void> {
    keychainProblem = undefined;
    const token = await secretOf('MLFLOW_TRACKING_TOKEN');
    const user = await secretOf('MLFLOW_TRACKING_USERNAME');
    const password = await secretOf('MLFLOW_TRACKING_PASSWORD');
    const given = (text: string | undefined): text is string => text !== undefined && text !== '';
    if (given(user) && given(password)) {
      const basic = Buffer.from(`${user}:${password}`).toString('base64');
      authorization = `Basic ${basic}`;
      secrets = [password, basic];
    } else if (given(token)) {
      if (!/^[\x21-\x7e]+$/.test(token.trim()))
        throw new DeliveryError('blocked', 'MLFLOW_TRACKING_TOKEN holds characters that no token has');
      authorization = `Bearer ${token.trim()}`;
      secrets = [token.trim()];
    }
  }

  /** A refusal, with the reason why no access was given where there is one. */
  function explained(error: unknown): unknown {
    if (!(error instanceof DeliveryError) || error.problem !== 'blocked' || keychainProblem === undefined) return error;
    const words = `${error.message}. ${keychainProblem.message} Set MLFLOW_TRACKING_TOKEN, or unlock the keychain`;
    return new DeliveryError('blocked', words, { cause: error });
  }

  async function findExperiment(): Promise<string> {
    const name = environment['MLFLOW_EXPERIMENT_NAME'] ?? '';
    if (name === '') return environment['MLFLOW_EXPERIMENT_ID'] ?? '0';
    const find = async (): Promise<string> =>
      textAt(await call('GET', 'experiments/get-by-name', { experiment_name: name }), 'experiment', 'experiment_id');
    try {
      return await find();
    } catch (error) {
      if (!hasCode(error, 'RESOURCE_DOES_NOT_EXIST')) throw error;
    }
    try {
      return textAt(await call('POST', 'experiments/create', { name }), 'experiment_id');
    } catch (error) {
      // Somebody else made it in between.
      if (hasCode(error, 'RESOURCE_ALREADY_EXISTS')) return find();
      throw error;
    }
  }

  /** A run whose creation was answered too late is found by its tag instead of being made twice. */
  async function createRun(): Promise<string> {
    const experimentId = await findExperiment();
    const key = state.text('key');
    if (key === undefined) await state.set({ key: randomUUID(), experimentId });
    else {
      const found = await call('POST', 'runs/search', {
        experiment_ids: [experimentId],
        filter: `tags."${KEY_TAG}" = '${key}'`,
        max_results: 1,
      });
      const [earlier] = listIn(found, 'runs');
      if (earlier !== undefined) return textAt(earlier, 'info', 'run_id');
    }
    const created = await call('POST', 'runs/create', {
      experiment_id: experimentId,
      start_time: Date.now(),
      run_name: run.name ?? run.id,
      tags: tagsOf(run, environment, state.text('key') ?? ''),
    });
    return textAt(created, 'run', 'info', 'run_id');
  }

  async function sendParameters(): Promise<void> {
    if (state.flag('parametersSent')) return;
    const masked = maskedParameters(run.parameters);
    const values = isOn(environment['MLFLOW_FLATTEN_PARAMS']) ? flattened(masked, '.') : masked;
    const parameters = Object.entries(values).map(([name, value]) => ({ key: name, value: pythonText(value) }));
    const limit = /^\d+$/.test(environment['MLFLOW_MAX_LOG_PARAMS'] ?? '')
      ? Number(environment['MLFLOW_MAX_LOG_PARAMS'])
      : parameters.length;
    const taken = parameters
      .filter(({ key, value }) => {
        const fits = value.length <= PARAMETER_LENGTH && key.length <= NAME_LENGTH;
        if (!fits) context.leaveOut(`the parameter ${key} is longer than ${String(PARAMETER_LENGTH)} characters`);
        return fits;
      })
      .slice(0, limit);
    for (const params of chunks(taken, PARAMETERS_PER_REQUEST)) await logBatch({ params });
    await state.set({ parametersSent: true });
  }

  async function logBatch(values: Record<string, unknown>): Promise<void> {
    try {
      await call('POST', 'runs/log-batch', { run_id: runId, ...values });
    } catch (error) {
      if (!(error instanceof DeliveryError) || error.problem !== 'rejected') throw error;
      context.leaveOut(error.message);
    }
  }

  return {
    async connect() {
      const uri = environment['MLFLOW_TRACKING_URI'] ?? '';
      address = httpAddress(uri === '' ? DEFAULT_ADDRESS : uri, 'MLFLOW_TRACKING_URI');
      await readAccess();
      const known = state.text('runId') ?? environment['MLFLOW_RUN_ID'] ?? '';
      try {
        runId = known === '' ? await createRun() : known;
        await state.set({ runId });
        await sendParameters();
      } catch (error) {
        throw explained(error);
      }
      return `sending to the run ${runId} at ${shownAddress(address)}`;
    },
    async send(entries) {
      for (const metrics of chunks(metricsOf(entries), METRICS_PER_REQUEST)) await logBatch({ metrics });
      const last = entries.findLast((entry) => entry.type !== 'metrics');
      if (last?.type === 'start') await call('POST', 'runs/update', { run_id: runId, status: 'RUNNING' });
      if (last?.type === 'end') {
        await call('POST', 'runs/update', { run_id: runId, status: END_STATUS[last.status], end_time: last.at });
      }
    },
  };
}

function metricsOf(entries: readonly TrackerEntry[]): Record<string, unknown>[] {
  return entries.flatMap((entry) =>
    entry.type !== 'metrics'
      ? []
      : Object.entries(entry.metrics).map(([name, value]) => ({
          key: mlflowName(name).slice(0, NAME_LENGTH),
          // Protobuf's JSON writes these as words.
          value: Number.isFinite(value) ? value : String(value),
          timestamp: entry.at,
          step: entry.step,
        })),
  );
}

function tagsOf(run: TrackedRun, environment: Environment, key: string): Tag[] {
  const own: Record<string, string> = {
    'mlflow.user': userInfo().username,
    'mlflow.source.name': 'lorelei',
    'mlflow.source.type': 'LOCAL',
    'lorelei.run': run.id,
    'lorelei.method': run.method,
    'lorelei.model': run.modelName,
    [KEY_TAG]: key,
  };
  return Object.entries({ ...own, ...givenTags(environment['MLFLOW_TAGS'] ?? '') }).map(([name, value]) => ({
    key: name,
    value,
  }));
}

/** MLFLOW_TAGS holds a JSON object. */
function givenTags(text: string): Record<string, string> {
  if (text === '') return {};
  try {
    const tags = JSON.parse(text) as Record<string, unknown>;
    return Object.fromEntries(Object.entries(tags).map(([name, value]) => [name, pythonText(value)]));
  } catch (error) {
    throw new DeliveryError('blocked', `MLFLOW_TAGS is no JSON object (${messageOf(error)})`, { cause: error });
  }
}

/** A password may stand in an address. */
function shownAddress(address: string): string {
  const url = new URL(address);
  return `${url.origin}${url.pathname === '/' ? '' : url.pathname}`;
}

function isOn(value: string | undefined): boolean {
  return value !== undefined && ['1', 'ON', 'YES', 'TRUE'].includes(value.toUpperCase());
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof DeliveryError && error.code === code;
}

function chunks<Item>(items: readonly Item[], size: number): Item[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size));
}

function listIn(value: unknown, name: string): unknown[] {
  const list = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
  return Array.isArray(list) ? list : [];
}

function textAt(value: unknown, ...path: string[]): string {
  let inner = value;
  for (const name of path) {
    inner = typeof inner === 'object' && inner !== null ? (inner as Record<string, unknown>)[name] : undefined;
  }
  if (typeof inner === 'string' && inner !== '') return inner;
  throw new DeliveryError('unreachable', `the server's answer has no ${path.join('.')}`);
}
