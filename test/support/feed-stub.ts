// A NuGet feed on this machine with one small package, as the real protocol has it (service index, registration leaf,
// catalog leaf, package). Tests make its line bad and its words untrue.
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { CudaPackage } from '../../main/engine/runtime/cuda-package.ts';

export type FeedStub = {
  source: CudaPackage;
  line: {
    /** Cuts the connection once this many bytes of the package were sent; then it is whole again. */
    cutAfter?: number | undefined;
    /** Sends the package in pieces of 16 KiB with this pause before each. */
    pauseMs?: number | undefined;
    /** Changes a byte on the way. */
    spoils?: boolean;
    /** The catalog's size is this. */
    size?: number;
    /** Answers everything so. */
    answer?: { status: number; body: string } | undefined;
  };
  /** "GET /path range" */
  requests: string[];
  close: () => Promise<void>;
};

/** The feed offers `nupkg` under the id and version of `real`. */
export async function feedStub(real: CudaPackage, nupkg: Buffer): Promise<FeedStub> {
  const requests: string[] = [];
  const line: FeedStub['line'] = {};
  const id = real.name.toLowerCase();
  const packagePath = `/flat/${id}/${real.version}/${id}.${real.version}.nupkg`;
  const server = createServer((request, response) => {
    const base = `http://${request.headers.host ?? ''}`;
    const path = request.url ?? '';
    requests.push(`GET ${path} ${request.headers.range ?? ''}`.trim());
    if (line.answer) {
      response.writeHead(line.answer.status).end(line.answer.body);
      return;
    }
    const documents: Record<string, unknown> = {
      '/v3/index.json': {
        version: '3.0.0',
        resources: [
          { '@id': `${base}/flat/`, '@type': 'PackageBaseAddress/3.0.0' },
          { '@id': `${base}/old/`, '@type': 'RegistrationsBaseUrl' },
          { '@id': `${base}/reg/`, '@type': 'RegistrationsBaseUrl/3.6.0' },
        ],
      },
      [`/reg/${id}/${real.version}.json`]: {
        catalogEntry: `${base}/catalog/one.json`,
        packageContent: base + packagePath,
      },
      '/catalog/one.json': {
        packageHash: createHash('sha512').update(nupkg).digest('base64'),
        packageHashAlgorithm: 'SHA512',
        packageSize: line.size ?? nupkg.length,
      },
    };
    if (documents[path] !== undefined) {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(documents[path]));
      return;
    }
    if (path !== packagePath) {
      response.writeHead(404).end('not here');
      return;
    }
    const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const bytes = Buffer.from(nupkg.subarray(from));
    if (line.spoils === true) bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    response.writeHead(from > 0 ? 206 : 200, {
      'content-length': bytes.length,
      ...(from > 0 && { 'content-range': `bytes ${from}-${nupkg.length - 1}/${nupkg.length}` }),
    });
    void send(bytes);

    async function send(rest: Buffer): Promise<void> {
      for (let at = 0; at < rest.length; at += 1 << 14) {
        if (line.cutAfter !== undefined && from + at >= line.cutAfter) {
          line.cutAfter = undefined;
          // What was written goes out first.
          setTimeout(() => response.destroy(), 20);
          return;
        }
        if (line.pauseMs !== undefined) await new Promise((over) => setTimeout(over, line.pauseMs));
        response.write(rest.subarray(at, at + (1 << 14)));
      }
      response.end();
    }
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  return {
    source: { ...real, feedIndex: `http://127.0.0.1:${port}/v3/index.json` },
    line,
    requests,
    close: () =>
      new Promise((closed) => {
        server.closeAllConnections();
        server.close(() => closed());
      }),
  };
}
