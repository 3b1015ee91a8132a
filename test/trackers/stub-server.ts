// A server on this machine that answers as a test says and keeps what it was asked.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export type Asked = {
  method: string;
  path: string;
  query: Record<string, string>;
  headers: Record<string, unknown>;
  body: unknown;
};
export type Answer = { status: number; body: unknown; headers?: Record<string, string> } | 'never';

export type StubServer = {
  url: string;
  asked: Asked[];
  /** Replaced by tests that want another behaviour from now on. */
  answer: (asked: Asked) => Answer;
  /** Refuses connections until `listen` is called. */
  close(): Promise<void>;
  listen(): Promise<void>;
};

export async function stubServer(answer: (asked: Asked) => Answer): Promise<StubServer> {
  let server: Server | undefined;
  let port = 0;
  const stub: StubServer = {
    url: '',
    asked: [],
    answer,
    async listen() {
      server = createServer((request, response) => {
        void text(request).then((body) => {
          const url = new URL(request.url ?? '/', 'http://127.0.0.1');
          const asked: Asked = {
            method: request.method ?? '',
            path: url.pathname,
            query: Object.fromEntries(url.searchParams),
            headers: request.headers,
            body: body === '' ? undefined : (JSON.parse(body) as unknown),
          };
          stub.asked.push(asked);
          const answered = stub.answer(asked);
          if (answered === 'never') return;
          response.writeHead(answered.status, { 'content-type': 'application/json', ...answered.headers });
          response.end(typeof answered.body === 'string' ? answered.body : JSON.stringify(answered.body));
        });
      });
      const started = server;
      await new Promise<void>((listening) => started.listen(port, '127.0.0.1', listening));
      port = (started.address() as AddressInfo).port;
      stub.url = `http://127.0.0.1:${port}`;
    },
    async close() {
      const stopped = server;
      server = undefined;
      stopped?.closeAllConnections();
      await new Promise<void>((closed) => {
        if (stopped === undefined) closed();
        else stopped.close(() => closed());
      });
    },
  };
  await stub.listen();
  return stub;
}
