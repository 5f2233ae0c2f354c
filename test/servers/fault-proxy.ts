/** A proxy between a client and a real HTTP server that does to chosen requests what networks do: lose, cut, hang, fail. */
import { once } from 'node:events';
import { createServer, request, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

export type Fault =
  /** The server gets the request and does it; its answer never arrives. */
  | { kind: 'lose-answer' }
  /** The answer's body ends after so many bytes, and the connection with it. */
  | { kind: 'cut-answer'; afterBytes: number }
  /** Nobody answers, and nothing is passed on. */
  | { kind: 'hang' }
  /** The answer's body begins, and then nothing moves. */
  | { kind: 'stall-answer'; afterBytes: number }
  /** Answered here, with this status. */
  | { kind: 'status'; status: number; headers?: Record<string, string> };

export interface FaultProxy {
  endpoint: string;
  /** What becomes of each request; undefined: it passes. */
  inject(choose: (method: string, url: string, headers: IncomingHttpHeaders) => Fault | undefined): void;
  /** The requests that have come, as `METHOD url`. */
  seen: string[];
  stop(): Promise<void>;
}

export async function startFaultProxy(targetOf: () => string): Promise<FaultProxy> {
  let choose: Parameters<FaultProxy['inject']>[0] = () => undefined;
  const seen: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((incoming, outgoing) => {
    const { method = '', url = '', headers } = incoming;
    seen.push(`${method} ${url}`);
    const fault = choose(method, url, headers);
    if (fault?.kind === 'hang') return;
    if (fault?.kind === 'status') {
      incoming.resume();
      outgoing.writeHead(fault.status, fault.headers).end();
      return;
    }
    forward(incoming, outgoing, targetOf(), fault);
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    inject: (chosen) => (choose = chosen),
    seen,
    async stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

function forward(incoming: IncomingMessage, outgoing: ServerResponse, target: string, fault: Fault | undefined): void {
  const { method, headers, url } = incoming;
  // The host header stays: it is part of what is signed.
  const sent = request(new URL(url ?? '/', target), { method, headers }, (answer) => {
    if (fault?.kind === 'lose-answer') {
      answer.resume();
      answer.on('end', () => outgoing.destroy());
      return;
    }
    outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
    if (fault?.kind !== 'cut-answer' && fault?.kind !== 'stall-answer') {
      answer.pipe(outgoing);
      return;
    }
    let left = fault.afterBytes;
    answer.on('data', (chunk: Buffer) => {
      const piece = chunk.subarray(0, left);
      left -= piece.length;
      outgoing.write(piece, () => {
        if (left === 0 && fault.kind === 'cut-answer') outgoing.destroy();
      });
      if (left === 0) answer.destroy();
    });
    answer.on('error', () => undefined);
  });
  sent.on('error', () => outgoing.destroy());
  incoming.on('error', () => sent.destroy());
  incoming.pipe(sent);
}
