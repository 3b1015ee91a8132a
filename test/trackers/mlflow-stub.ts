// The part of MLflow's REST API 2.0 that Lorelei uses, as its documentation has it: every request is checked.
import { z } from 'zod';
import { stubServer, type Answer, type Asked, type StubServer } from './stub-server.ts';

const timestamp = z.int().min(1e12);
const pair = z.strictObject({ key: z.string().max(250), value: z.string() });
const metric = z.strictObject({
  key: z.string().regex(/^[\w\-. :/]{1,250}$/),
  value: z.union([z.number(), z.enum(['NaN', 'Infinity', '-Infinity'])]),
  timestamp,
  step: z.int(),
});

const bodies: Record<string, z.ZodType> = {
  'experiments/create': z.strictObject({ name: z.string() }),
  'runs/search': z.strictObject({ experiment_ids: z.array(z.string()), filter: z.string(), max_results: z.int() }),
  'runs/create': z.strictObject({
    experiment_id: z.string(),
    start_time: timestamp,
    run_name: z.string(),
    tags: z.array(pair).max(100),
  }),
  'runs/log-batch': z.strictObject({
    run_id: z.string(),
    metrics: z.array(metric).max(1000).optional(),
    params: z
      .array(z.strictObject({ key: z.string().max(250), value: z.string().max(6000) }))
      .max(100)
      .optional(),
  }),
  'runs/update': z.strictObject({
    run_id: z.string(),
    status: z.enum(['RUNNING', 'FINISHED', 'FAILED', 'KILLED']),
    end_time: timestamp.optional(),
  }),
};

export type MlflowStub = StubServer & { posted(path: string): Record<string, unknown>[] };

/** How MLflow answers a new run in an experiment that is not there yet. */
export function mlflowAnswer(asked: Asked): Answer {
  const path = asked.path.replace('/api/2.0/mlflow/', '');
  if (asked.method === 'GET' && path === 'experiments/get-by-name')
    return { status: 404, body: { error_code: 'RESOURCE_DOES_NOT_EXIST', message: 'Could not find experiment' } };
  const parsed = asked.method === 'POST' ? bodies[path]?.safeParse(asked.body) : undefined;
  if (parsed === undefined) return { status: 404, body: 'no such endpoint' };
  if (!parsed.success)
    return { status: 400, body: { error_code: 'INVALID_PARAMETER_VALUE', message: parsed.error.message } };
  if (path === 'experiments/create') return { status: 200, body: { experiment_id: '7' } };
  if (path === 'runs/create') return { status: 200, body: { run: { info: { run_id: 'run1' } } } };
  if (path === 'runs/search') return { status: 200, body: {} };
  return { status: 200, body: {} };
}

export async function mlflowStub(): Promise<MlflowStub> {
  const stub = await stubServer(mlflowAnswer);
  return Object.assign(stub, {
    posted: (path: string) =>
      stub.asked
        .filter((asked) => asked.method === 'POST' && asked.path === `/api/2.0/mlflow/${path}`)
        .map(({ body }) => body as Record<string, unknown>),
  });
}
