// The door for browsers: the page and its contract over HTTP on this machine only, for a workstation without a screen
// (through an SSH tunnel) and for machines without Electron. What is asked is answered by app/.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { answer } from '../app/answer.ts';
import type { App } from '../app/app.ts';
import { serveWindows } from '../app/window-host.ts';
import { hasSystemCode, messageOf, UserError } from '../errors.ts';
import { Pace } from './pace.ts';
import { pageFile } from './page.ts';
import { Sessions } from './sessions.ts';
import { takeUpload } from './upload.ts';

export type ServeOptions = {
  /** 0 takes any free port. */
  port: number;
  /** Folder of the built page. */
  pageFolder: string;
  /** Called with the link to open: at the start, and with a new one each time the last was used. */
  onLink: (link: string) => void;
  /** How long a request may take to arrive. */
  patienceMs?: number;
};

export type Server = { port: number; close(): Promise<void> };

/** What goes back. A reply that `stays` is kept open for events. */
type Reply = { status: number; headers: Record<string, string>; body?: string | Buffer; stays?: true };

/** A tunnel or a proxy may change the port, never the name. */
const localNames = new Set(['127.0.0.1', 'localhost', '[::1]']);

const bodyLimitBytes = 1 << 20;

/** Who sends a request drop by drop must not hold a connection for long. */
const PATIENCE_MS = 10_000;
const CONNECTIONS = 200;

/** Far more than a person's windows ask. */
const CALLS = 600;
const CALLS_WINDOW_MS = 10_000;

/** Listens on 127.0.0.1. Throws UserError "port-in-use". */
export async function serve(app: App, options: ServeOptions): Promise<Server> {
  const sessions = new Sessions();
  const streams = new Set<ServerResponse>();
  const pace = new Pace(CALLS, CALLS_WINDOW_MS);
  const { patienceMs = PATIENCE_MS } = options;
  const patience = {
    headersTimeout: patienceMs,
    requestTimeout: 0, // an upload may take its time; all others are ended below
    connectionsCheckingInterval: patienceMs / 4,
  };
  const server = createServer(patience, (request, response) => {
    reply(request, response).catch((error: unknown) => {
      console.error(error);
      if (!response.headersSent) response.writeHead(500);
      response.end();
    });
  });

  server.maxConnections = CONNECTIONS;
  await new Promise<void>((listening, failed) => {
    server.once('error', (error) => {
      failed(hasSystemCode(error, 'EADDRINUSE', 'EACCES') ? portProblem(options.port, error) : error);
    });
    server.listen(options.port, '127.0.0.1', listening);
  });
  const { port } = server.address() as AddressInfo;
  const cookieName = `lorelei-${port}`; // cookies of one host are shared by all its ports
  const tellLink = (): void => options.onLink(`http://127.0.0.1:${port}/?secret=${sessions.secret}`);
  const endServing = serveWindows(app);
  const stopTelling = app.listen((event) => {
    for (const stream of streams) stream.write(`data: ${JSON.stringify(event)}\n\n`);
  });
  tellLink();

  async function reply(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const arrival = limitArrival(request, patienceMs);
    const { status, headers, body, stays } = await replyTo(request, arrival);
    // What was refused unread need not go on arriving.
    arrival.restart();
    response.writeHead(status, headers);
    if (stays === undefined) {
      response.end(body);
      return;
    }
    response.write(body);
    streams.add(response);
    response.on('close', () => streams.delete(response));
  }

  async function replyTo(request: IncomingMessage, arrival: Arrival): Promise<Reply> {
    const { host = '', origin } = request.headers;
    if (!localNames.has(host.replace(/:\d+$/, ''))) return refusal(403, 'This address is for 127.0.0.1 only.');
    if (origin !== undefined && origin !== `http://${host}`) return refusal(403, 'Another site asked.');
    const url = new URL(request.url ?? '/', 'http://127.0.0.1');

    const secret = url.searchParams.get('secret');
    if (secret !== null) {
      const session = sessions.open(secret);
      if (session === undefined) {
        if (sessions.hearsGuesses) return refusal(429, 'Too many wrong links. The newest one works.');
        return refusal(401, 'This link was used already. The newest one works.');
      }
      tellLink();
      const cookie = `${cookieName}=${session}; HttpOnly; SameSite=Strict; Path=/`;
      return { status: 303, headers: { location: '/', 'set-cookie': cookie } };
    }
    if (!sessions.isOpen(cookieOf(request, cookieName))) {
      return refusal(401, 'Open the link that lorelei serve printed last.');
    }
    const route = `${request.method ?? ''} ${url.pathname}`;
    if (route === 'POST /rpc') return pace.allows() ? replyToCommand(app, request) : tooOften;
    if (route === 'POST /upload') {
      if (!pace.allows()) return tooOften;
      arrival.end(); // it may take hours; what stands still is ended there
      return replyToUpload(app, request, url.searchParams.get('name') ?? '');
    }
    if (route === 'GET /events') return { status: 200, headers: eventHeaders, body: ': open\n\n', stays: true };
    const file = request.method === 'GET' ? await pageFile(options.pageFolder, url.pathname) : undefined;
    return file === undefined ? refusal(404, 'There is nothing here.') : { status: 200, ...file };
  }

  return {
    port,
    async close() {
      endServing();
      stopTelling();
      for (const stream of streams) stream.end();
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}

const jsonHeaders = { 'content-type': 'application/json', 'cache-control': 'no-store' };

type Arrival = { restart(): void; end(): void };

/** Ends a request that has not arrived in time. */
function limitArrival(request: IncomingMessage, patienceMs: number): Arrival {
  let clock: NodeJS.Timeout | undefined;
  const end = (): void => clearTimeout(clock);
  const restart = (): void => {
    end();
    clock = setTimeout(() => {
      if (!request.complete) request.destroy();
    }, patienceMs);
    clock.unref();
  };
  restart();
  return { restart, end };
}

/** The page reads it as the answer to its command. */
const tooOften: Reply = {
  status: 429,
  headers: jsonHeaders,
  body: JSON.stringify({
    ok: false,
    error: {
      code: 'too-many-requests',
      message: `Windows asked more than ${CALLS} things in ${CALLS_WINDOW_MS / 1000} seconds.`,
      fix: 'Wait a few seconds, then try again. Close windows that you do not need.',
    },
  }),
};

const eventHeaders = { 'content-type': 'text/event-stream', 'cache-control': 'no-store' };

async function replyToCommand(app: App, request: IncomingMessage): Promise<Reply> {
  if (request.headers['content-type'] !== 'application/json') return refusal(415, 'Send JSON.');
  if (Number(request.headers['content-length'] ?? Infinity) > bodyLimitBytes) return refusal(413, 'Too long.');
  let body: unknown;
  try {
    body = JSON.parse(await text(request));
  } catch (error) {
    return refusal(400, `Not JSON: ${messageOf(error)}`);
  }
  return { status: 200, headers: jsonHeaders, body: JSON.stringify(await answer(app, body)) };
}

async function replyToUpload(app: App, request: IncomingMessage, name: string): Promise<Reply> {
  const reply = await takeUpload(app, request, name);
  if (reply === undefined) return refusal(400, 'Broken off.');
  return { status: reply.status, headers: jsonHeaders, body: JSON.stringify(reply.result) };
}

function refusal(status: number, reason: string): Reply {
  return { status, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: `${reason}\n` };
}

function cookieOf(request: IncomingMessage, name: string): string | undefined {
  const pairs = (request.headers.cookie ?? '').split(';').map((pair) => pair.trim());
  return pairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1);
}

function portProblem(port: number, cause: Error): UserError {
  return new UserError(
    {
      code: 'port-in-use',
      message: `Port ${port} of 127.0.0.1 cannot be opened (${cause.message}).`,
      fix: 'Give another one: lorelei serve --port 0 takes any that is free.',
    },
    { cause },
  );
}
