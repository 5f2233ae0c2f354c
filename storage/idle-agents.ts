/** Connections of Node's HTTP client to a bucket's service: kept alive, never more than a limit allows, and given up when nothing moves on them. */
import { Agent as HttpAgent, type ClientRequestArgs } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { Duplex } from 'node:stream';
import { type ConnectionLimit, type ConnectionOwner, silentConnection } from './connection-limit.ts';

export interface IdleAgents {
  http: HttpAgent;
  https: HttpsAgent;
  destroy(): void;
}

type Create = HttpAgent['createConnection'];

/**
 * `idleMilliseconds` without a byte in either direction end a connection with ETIMEDOUT, also while it is being made:
 * neither client library notices a black hole on its own. Requests beyond the limit wait for their turn, and
 * waiting is no idleness.
 */
export function createIdleAgents(limit: ConnectionLimit, idleMilliseconds: number): IdleAgents {
  const options = { keepAlive: true, maxSockets: limit.count, timeout: idleMilliseconds };
  const owner = { closeIdle: (): boolean => [http, https].some(closeFree) };
  const within = (agent: HttpAgent, create: () => Duplex | null | undefined, made: Parameters<Create>[1]) =>
    createWithin({ limit, owner, agent }, () => endWhenIdle(create(), idleMilliseconds), made);
  const keeps = (answer: unknown): boolean => answer === true && !limit.isWantedFrom(owner);
  const http: HttpAgent = new (class extends HttpAgent {
    override createConnection(given: ClientRequestArgs, made?: Parameters<Create>[1]): Duplex | undefined {
      return within(this, () => super.createConnection(given), made);
    }
    override keepSocketAlive(socket: Duplex): boolean {
      return keeps(super.keepSocketAlive(socket));
    }
  })(options);
  const https: HttpsAgent = new (class extends HttpsAgent {
    override createConnection(given: ClientRequestArgs, made?: Parameters<Create>[1]): Duplex | undefined {
      return within(this, () => super.createConnection(given), made);
    }
    override keepSocketAlive(socket: Duplex): boolean {
      return keeps(super.keepSocketAlive(socket));
    }
  })(options);
  limit.add(owner);
  return {
    http,
    https,
    destroy() {
      http.destroy();
      https.destroy();
    },
  };
}

interface Place {
  limit: ConnectionLimit;
  owner: ConnectionOwner;
  agent: HttpAgent;
}

/** The connection where there is a place for it; else `made` gets it as soon as there is. */
function createWithin(
  { limit, owner, agent }: Place,
  create: () => Duplex,
  made: Parameters<Create>[1],
): Duplex | undefined {
  let isLater = false;
  let connection: Duplex | undefined;
  limit.take(owner, () => {
    agent.maxSockets = limit.count;
    try {
      connection = create();
    } catch (error) {
      limit.release();
      if (!isLater) throw error;
      // It has no connection to give then, whatever its type says.
      made?.(error as Error, undefined as unknown as Duplex);
      return;
    }
    connection.once('close', () => limit.release());
    if (isLater) made?.(null, connection);
  });
  isLater = connection === undefined;
  // One waits at a time: the next requests stay in the agent's queue, which its own connections serve.
  if (isLater) agent.maxSockets = 0;
  return connection;
}

function closeFree(agent: HttpAgent): boolean {
  const [socket] = Object.values(agent.freeSockets).flatMap((sockets) => sockets ?? []);
  socket?.destroy();
  return socket !== undefined;
}

function endWhenIdle(connection: Duplex | null | undefined, milliseconds: number): Duplex {
  if (connection == null) throw new Error('Node’s agents make their connections at once');
  // The agent sets the time, but acts on it only for connections that no request uses.
  connection.on('timeout', () => connection.destroy(silentConnection(milliseconds)));
  return connection;
}
