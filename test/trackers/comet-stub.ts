// The part of Comet's REST API, version 2, that Lorelei uses, as its documentation has it: every request is checked.
import { z } from 'zod';
import { stubServer, type Answer, type Asked, type StubServer } from './stub-server.ts';

export const apiKey = 'SeCrEtKeY0123456789abcdef';

const experimentKey = z.string().min(1);
const timestamp = z.int().min(1e12);

/** POST path -> body. */
const bodies: Record<string, z.ZodType> = {
  create: z.strictObject({ workspaceName: z.string(), projectName: z.string(), experimentName: z.string() }),
  parameter: z.strictObject({ experimentKey, parameterName: z.string(), parameterValue: z.string(), timestamp }),
  metric: z.strictObject({
    experimentKey,
    metricName: z.string(),
    metricValue: z.number(),
    step: z.int(),
    epoch: z.int().optional(),
    timestamp,
  }),
  'log-other': z.strictObject({ experimentKey, key: z.string(), value: z.string(), timestamp }),
  'update-status': z.strictObject({ experimentKey, isAlive: z.boolean(), error: z.null(), hasCrashed: z.boolean() }),
  'set-start-end-time': z.strictObject({ experimentKey, startTimeMillis: timestamp, endTimeMillis: timestamp }),
};

export type CometStub = StubServer & {
  /** Bodies posted to write/experiment/<name>, in order. */
  posted(name: string): Record<string, unknown>[];
};

/** How Comet answers when all is well, for tests that let it fail sometimes. */
export function cometAnswer(asked: Asked): Answer {
  if (asked.headers['authorization'] !== apiKey)
    return { status: 401, body: { msg: `unknown API key ${String(asked.headers['authorization'])}`, code: 401 } };
  const path = asked.path.replace('/api/rest/v2/', '');
  if (asked.method === 'GET' && path === 'account-details')
    return { status: 200, body: { userName: 'ada', defaultWorkspaceName: 'ada-space' } };
  if (asked.method === 'GET' && path === 'write/experiment/set-status' && asked.query['experimentKey'] === 'exp1')
    return { status: 200, body: { isAliveBeatDurationMillis: 10_000 } };
  const name = path.replace('write/experiment/', '');
  const parsed = bodies[name]?.safeParse(asked.body);
  if (asked.method !== 'POST' || parsed === undefined)
    return { status: 404, body: { msg: `no such endpoint: ${path}` } };
  if (!parsed.success) return { status: 400, body: { msg: parsed.error.message } };
  if (name !== 'create') return { status: 200, body: { msg: 'Saved' } };
  return {
    status: 200,
    body: { experimentKey: 'exp1', workspaceName: 'ada-space', projectName: 'general', link: 'https://comet/exp1' },
  };
}

export async function cometStub(): Promise<CometStub> {
  const stub = await stubServer(cometAnswer);
  return Object.assign(stub, {
    posted: (name: string) =>
      stub.asked
        .filter(({ method, path }) => method === 'POST' && path === `/api/rest/v2/write/experiment/${name}`)
        .map(({ body }) => body as Record<string, unknown>),
  });
}
