/** Connections to a bucket's service: kept alive, never more than a given number, and given up when nothing moves on them. */
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { Duplex } from 'node:stream';

export interface IdleAgents {
  http: HttpAgent;
  https: HttpsAgent;
  destroy(): void;
}

/**
 * `idleMilliseconds` without a byte in either direction end a connection with ETIMEDOUT, also while it is being made:
 * neither client library notices a black hole on its own. Requests beyond `connections` wait for their turn, and
 * waiting is no idleness.
 */
export function createIdleAgents(connections: number, idleMilliseconds: number): IdleAgents {
  const options = { keepAlive: true, maxSockets: connections, timeout: idleMilliseconds };
  const http = new (class extends HttpAgent {
    override createConnection(...args: Parameters<HttpAgent['createConnection']>): Duplex | null | undefined {
      return endWhenIdle(super.createConnection(...args), idleMilliseconds);
    }
  })(options);
  const https = new (class extends HttpsAgent {
    override createConnection(...args: Parameters<HttpsAgent['createConnection']>): Duplex | null | undefined {
      return endWhenIdle(super.createConnection(...args), idleMilliseconds);
    }
  })(options);
  return {
    http,
    https,
    destroy() {
      http.destroy();
      https.destroy();
    },
  };
}

function endWhenIdle(connection: Duplex | null | undefined, milliseconds: number): Duplex | null | undefined {
  // The agent sets the time, but acts on it only for connections that no request uses.
  connection?.on('timeout', () => {
    const message = `nothing moved on the connection for ${milliseconds / 1000} seconds`;
    connection.destroy(Object.assign(new Error(message), { code: 'ETIMEDOUT' }));
  });
  return connection;
}
