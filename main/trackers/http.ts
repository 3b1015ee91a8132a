// One JSON request with a time limit, and what its failure means for a tracker. Knows no tracker.
import { messageOf } from '../errors.ts';
import { DeliveryError } from './tracker.ts';

export type JsonRequest = {
  method: 'GET' | 'POST';
  url: string;
  headers?: Readonly<Record<string, string>>;
  body?: unknown;
};

export type RequestLimits = {
  signal: AbortSignal;
  timeoutMs: number;
  /** Never to be seen in a message. */
  secrets: readonly string[];
};

const RETRIED_STATUS = new Set([408, 425, 429]);

/** The parsed answer. Throws DeliveryError. */
export async function requestJson(request: JsonRequest, limits: RequestLimits): Promise<unknown> {
  const { status, location, text } = await exchange(request, limits);
  const told = (what: string): string => redacted(what, limits.secrets);
  if (status >= 200 && status < 300) {
    try {
      return text === '' ? undefined : (JSON.parse(text) as unknown);
    } catch (error) {
      // A proxy or the login page of a network answers like this.
      throw new DeliveryError('unreachable', told(`${new URL(request.url).origin} answers, but not in JSON`), {
        cause: error,
      });
    }
  }
  // Before it is cut: half a secret is one as well.
  const { code, message } = serverError(told(text));
  const words = told(`${String(status)}${message === '' ? '' : `: ${message}`}`);
  const options = code === undefined ? {} : { code };
  if (status === 401 || status === 403) throw new DeliveryError('blocked', `access was refused (${words})`, options);
  if (status >= 300 && status < 400)
    throw new DeliveryError('blocked', told(`the server sends requests on to ${location}; use that address`), options);
  if (status >= 500 || RETRIED_STATUS.has(status))
    throw new DeliveryError('unreachable', `the server answers ${words}`, options);
  throw new DeliveryError('rejected', `the server does not take it (${words})`, options);
}

async function exchange(
  { method, url, headers, body }: JsonRequest,
  { signal, timeoutMs, secrets }: RequestLimits,
): Promise<{ status: number; location: string; text: string }> {
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    const response = await fetch(url, {
      method,
      headers: {
        accept: 'application/json',
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      // A redirected POST would become a GET.
      redirect: 'manual',
      signal: AbortSignal.any([signal, timeout]),
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    return { status: response.status, location: response.headers.get('location') ?? '', text: await response.text() };
  } catch (error) {
    const why = timeout.aborted ? `no answer within ${timeoutMs / 1000} s` : reasonOf(error);
    throw new DeliveryError('unreachable', redacted(why, secrets), { cause: withoutSecrets(error, secrets) });
  }
}

/** fetch says "fetch failed" and keeps the reason in the cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error) || !(error.cause instanceof Error)) return messageOf(error);
  const { cause } = error;
  if (cause.message !== '') return cause.message;
  return 'code' in cause ? String(cause.code) : error.message;
}

/** The reason of an error that must not be passed on as it is. */
function withoutSecrets(error: unknown, secrets: readonly string[]): unknown {
  return secrets.some((secret) => secret !== '' && messageOf(error).includes(secret)) ? undefined : error;
}

/** Comet answers {msg}, MLflow {error_code, message}, others a text. */
function serverError(text: string): { code?: string; message: string } {
  let message = text;
  let code: string | undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) {
      const fields = value as Record<string, unknown>;
      const said = fields['message'] ?? fields['msg'] ?? fields['error'];
      if (typeof said === 'string') message = said;
      if (typeof fields['error_code'] === 'string') code = fields['error_code'];
    }
  } catch {
    // No JSON: the text itself is all there is.
  }
  const short = message.replaceAll(/\s+/g, ' ').trim();
  return { message: short.length > 200 ? `${short.slice(0, 200)}…` : short, ...(code !== undefined && { code }) };
}

function redacted(text: string, secrets: readonly string[]): string {
  return secrets.filter((secret) => secret !== '').reduce((safe, secret) => safe.replaceAll(secret, '***'), text);
}

/** The address without a slash at its end. Throws DeliveryError "blocked" where it is none of HTTP. */
export function httpAddress(text: string, setting: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return text.replace(/\/+$/, '');
  throw new DeliveryError(
    'blocked',
    `${setting} is ${text}, which is no address of a server. It should look like http://127.0.0.1:5000`,
  );
}
