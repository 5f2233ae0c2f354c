/** A real Temporal for a block of tests. */
import { Client, type Connection } from '@temporalio/client';
import { afterAll, beforeAll } from 'vitest';
import { connect } from '../../engine/connection.ts';
import type { EmbeddedServer } from '../../engine/embedded-server.ts';
import type { Peer } from '../peers.ts';
import { startServer, temporaryFolder, type StateFolder } from './engine-fixture.ts';

export interface ConnectedServer {
  readonly server: EmbeddedServer;
  readonly connection: Connection;
  readonly client: Client;
}

/** One server for all tests of the block that calls this, and a connection to it; there while they run. */
export function useServer(purpose: string, temporal: Peer): ConnectedServer {
  let state: StateFolder | undefined;
  let server: EmbeddedServer | undefined;
  let connection: Connection | undefined;
  let client: Client | undefined;
  beforeAll(async () => {
    state = await temporaryFolder(purpose);
    server = await startServer(state.path, temporal);
    connection = await connect(server.engine);
    client = new Client({ connection, namespace: server.engine.namespace });
  });
  afterAll(async () => {
    await connection?.close();
    await server?.release();
    await state?.[Symbol.asyncDispose]();
  });
  return {
    get server() {
      return server!;
    },
    get connection() {
      return connection!;
    },
    get client() {
      return client!;
    },
  };
}
