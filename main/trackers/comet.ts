// Comet through its REST API, version 2. Names and environment variables are those of transformers' CometCallback and
// of Comet's own SDK.
import { UserError } from '../errors.ts';
import { requestJson, httpAddress, type JsonRequest } from './http.ts';
import { cometSystemMetric, groupedName } from './metric-names.ts';
import { flattened, maskedParameters, pythonText } from './parameters.ts';
import {
  DeliveryError,
  type Environment,
  type TrackedRun,
  type Tracker,
  type TrackerContext,
  type TrackerEntry,
  type TrackerTarget,
} from './tracker.ts';

const DEFAULT_ADDRESS = 'https://www.comet.com';
const DEFAULT_PROJECT = 'general';
/** Requests at a time: the API takes one value each. */
const PARALLEL = 4;

export const comet: TrackerTarget = {
  name: 'comet_ml',
  title: 'Comet',
  queuesOnDisk: true,
  // One row: what was sent twice, Comet would keep twice.
  batch: 1,
  beatMs: 10_000,
  setup: {
    place: (environment) => environment['COMET_URL_OVERRIDE'] || DEFAULT_ADDRESS,
    secrets: ['COMET_API_KEY'],
    needsSecrets: true,
    variables: ['COMET_WORKSPACE', 'COMET_PROJECT_NAME', 'COMET_URL_OVERRIDE'],
  },
  create: (run, context) => createComet(run, context),
};

/** The body of a request. */
type Values = Record<string, unknown>;

const nameOf = ({ metricName, parameterName, key }: Values): string => String(metricName ?? parameterName ?? key);

function createComet(run: TrackedRun, context: TrackerContext): Tracker {
  const { environment, state } = context;
  let address = '';
  let apiKey = '';
  let experimentKey = '';

  const request = (method: JsonRequest['method'], path: string, values?: Record<string, unknown>): Promise<unknown> => {
    const query = method === 'GET' && values ? `?${new URLSearchParams(values as Record<string, string>)}` : '';
    return requestJson(
      {
        method,
        url: `${address}/api/rest/v2/${path}${query}`,
        headers: { authorization: apiKey },
        ...(method === 'POST' && { body: values }),
      },
      { signal: context.signal, timeoutMs: context.requestMs, secrets: [apiKey] },
    );
  };
  const write = (path: string, values: Record<string, unknown>): Promise<unknown> =>
    request('POST', `write/experiment/${path}`, { experimentKey, ...values });

  /**
   * Writes what is not among `arrived` yet, and notes what is: after a failure only the rest is written again. A value
   * that Comet does not take must not hold up the others.
   */
  const writeEach = async (path: string, values: Values[], arrived: Set<string>): Promise<void> => {
    const missing = values.filter((one) => !arrived.has(nameOf(one)));
    const writeOne = async (one: Values): Promise<void> => {
      try {
        await write(path, one);
      } catch (error) {
        if (!(error instanceof DeliveryError) || error.problem !== 'rejected') throw error;
        context.leaveOut(`${nameOf(one)}: ${error.message}`);
      }
      arrived.add(nameOf(one));
    };
    for (let at = 0; at < missing.length; at += PARALLEL) {
      const results = await Promise.allSettled(missing.slice(at, at + PARALLEL).map(writeOne));
      for (const result of results) if (result.status === 'rejected') throw result.reason;
    }
  };
  const parametersArrived = new Set<string>();
  /** Of the entry that is being sent. */
  let current = { text: '', arrived: new Set<string>() };
  const writeOnce = async (path: string, values: Values): Promise<void> => {
    if (current.arrived.has(path)) return;
    await write(path, values);
    current.arrived.add(path);
  };

  async function findExperiment(): Promise<void> {
    const known = state.text('experimentKey') ?? givenKey(environment);
    if (known === undefined) {
      const created = fieldsOf(
        await request('POST', 'write/experiment/create', {
          workspaceName: environment['COMET_WORKSPACE'] ?? (await defaultWorkspace()),
          projectName: environment['COMET_PROJECT_NAME'] ?? DEFAULT_PROJECT,
          experimentName: run.name ?? run.id,
        }),
      );
      experimentKey = textIn(created, 'experimentKey');
      const link = created['link'];
      await state.set({ experimentKey, ...(typeof link === 'string' && { link }) });
    } else {
      experimentKey = known;
      await state.set({ experimentKey });
    }
  }

  async function defaultWorkspace(): Promise<string> {
    return textIn(fieldsOf(await request('GET', 'account-details')), 'defaultWorkspaceName');
  }

  async function sendParameters(): Promise<void> {
    if (state.flag('parametersSent')) return;
    const parameters = flattened({ args: maskedParameters(run.parameters) }, '|');
    await writeEach(
      'parameter',
      Object.entries(parameters).map(([name, value]) => ({
        parameterName: name,
        parameterValue: pythonText(value),
        timestamp: Date.now(),
      })),
      parametersArrived,
    );
    const others = { 'Created from': 'lorelei', Method: run.method, Model: run.modelName, 'Lorelei run': run.id };
    const timestamp = Date.now();
    await writeEach(
      'log-other',
      Object.entries(others).map(([key, value]) => ({ key, value, timestamp })),
      parametersArrived,
    );
    await state.set({ parametersSent: true });
  }

  async function sendEntry(entry: TrackerEntry): Promise<void> {
    const text = JSON.stringify(entry);
    if (current.text !== text) current = { text, arrived: new Set() };
    switch (entry.type) {
      case 'start':
        await write('update-status', { isAlive: true, error: null, hasCrashed: false });
        if (state.number('startedAt') === undefined) await state.set({ startedAt: entry.at });
        return;
      case 'metrics': {
        const { epoch } = entry.metrics;
        await writeEach(
          'metric',
          Object.entries(entry.metrics)
            // JSON has no NaN.
            .filter(([, value]) => Number.isFinite(value))
            .map(([name, value]) => cometSystemMetric(name, value) ?? { name: groupedName(name), value })
            .map(({ name, value }) => ({
              metricName: name,
              metricValue: value,
              step: entry.step,
              timestamp: entry.at,
              ...(epoch !== undefined && { epoch: Math.floor(epoch) }),
            })),
          current.arrived,
        );
        return;
      }
      case 'end': {
        const hasCrashed = entry.status === 'failed' || entry.status === 'interrupted';
        const startTimeMillis = state.number('startedAt') ?? entry.at;
        await writeOnce('set-start-end-time', { startTimeMillis, endTimeMillis: entry.at });
        await writeOnce('log-other', { key: 'Status', value: entry.status, timestamp: entry.at });
        await writeOnce('update-status', { isAlive: false, error: null, hasCrashed });
      }
    }
  }

  return {
    async connect() {
      if (isOff(environment['COMET_START_ONLINE']))
        throw new DeliveryError('blocked', 'COMET_START_ONLINE asks to work offline');
      apiKey = checkedKey(await readKey(context));
      address = addressOf(environment, apiKey);
      await findExperiment();
      await sendParameters();
      return `sending to ${state.text('link') ?? `the experiment ${experimentKey} at ${address}`}`;
    },
    async send(entries) {
      for (const entry of entries) await sendEntry(entry);
    },
    async beat() {
      await request('GET', 'write/experiment/set-status', { experimentKey });
    },
  };
}

/** COMET_EXPERIMENT_KEY continues an experiment that is already there, unless COMET_MODE asks for a new one. */
function givenKey(environment: Environment): string | undefined {
  const mode = environment['COMET_MODE'] ?? environment['COMET_START_MODE'];
  const key = environment['COMET_EXPERIMENT_KEY'];
  if (mode?.toLowerCase() === 'create' || key === undefined || key === '') {
    if (mode?.toLowerCase() !== 'get') return undefined;
    throw new DeliveryError('blocked', 'COMET_MODE is get, which needs COMET_EXPERIMENT_KEY');
  }
  return key;
}

function isOff(value: string | undefined): boolean {
  return value !== undefined && ['0', 'false', 'no', 'off'].includes(value.toLowerCase());
}

async function readKey({ readSecret }: TrackerContext): Promise<string | undefined> {
  try {
    return await readSecret('COMET_API_KEY');
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const words = `the environment holds no COMET_API_KEY. ${error.message} Set COMET_API_KEY, or unlock the keychain`;
    throw new DeliveryError('blocked', words, { cause: error });
  }
}

function checkedKey(given: string | undefined): string {
  const key = given?.trim() ?? '';
  if (key === '')
    throw new DeliveryError('blocked', 'there is no API key. Set COMET_API_KEY to yours, or keep it in the keychain');
  // A header cannot carry others, and the error about it would show the key.
  if (!/^[\x21-\x7e]+$/.test(key)) throw new DeliveryError('blocked', 'COMET_API_KEY holds characters that no key has');
  return key;
}

/** COMET_URL_OVERRIDE, else the address that a key of an own installation carries behind a "*", else Comet's. */
function addressOf(environment: Environment, apiKey: string): string {
  const override = environment['COMET_URL_OVERRIDE'] ?? '';
  if (override !== '') return new URL(httpAddress(override, 'COMET_URL_OVERRIDE')).origin;
  const [, encoded] = apiKey.split('*');
  if (encoded === undefined) return DEFAULT_ADDRESS;
  try {
    const { baseUrl } = fieldsOf(JSON.parse(Buffer.from(encoded, 'base64').toString()));
    return typeof baseUrl === 'string' ? new URL(baseUrl).origin : DEFAULT_ADDRESS;
  } catch {
    return DEFAULT_ADDRESS;
  }
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function textIn(fields: Record<string, unknown>, name: string): string {
  const value = fields[name];
  if (typeof value === 'string' && value !== '') return value;
  throw new DeliveryError('unreachable', `the server's answer has no ${name}`);
}
