/** Connections to a Temporal server: the embedded one's, or any cluster's as the Project's `engine` says. */
import { Connection, isGrpcServiceError } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { HoldfastError } from '../common/errors.ts';

/** Where a Temporal server is. Secrets are resolved already; certificates are PEM. */
export interface EngineAddress {
  /** `host:port`. */
  address: string;
  namespace: string;
  tls?: {
    serverName?: string;
    ca?: Buffer;
    clientCertificate?: { crt: Buffer; key: Buffer };
  };
  apiKey?: string;
}

const CONNECT_TIMEOUT_MS = 10_000;

/** A client's connection. Throws EngineUnreachable. */
export async function connect(engine: EngineAddress): Promise<Connection> {
  return reach(engine, () => Connection.connect({ ...optionsOf(engine), connectTimeout: CONNECT_TIMEOUT_MS }));
}

/** A worker's connection. Throws EngineUnreachable. Install the runtime first. */
export async function connectWorker(engine: EngineAddress): Promise<NativeConnection> {
  return reach(engine, () => NativeConnection.connect(optionsOf(engine)));
}

async function reach<Result>(engine: EngineAddress, how: () => Promise<Result>): Promise<Result> {
  try {
    return await how();
  } catch (error) {
    throw new HoldfastError('EngineUnreachable', `Temporal at ${engine.address} does not answer: ${reasonOf(error)}`, {
      hint: 'see that it runs and that address, namespace, tls and apiKeyFrom of the Project are right',
      cause: error,
    });
  }
}

/** The environment's TEMPORAL_* variables are not read: the address is the one that the policies name. */
function optionsOf({ address, tls, apiKey }: EngineAddress) {
  return {
    address,
    ...(tls === undefined
      ? // An API key is never sent in the clear.
        apiKey === undefined
        ? {}
        : { tls: true as const }
      : {
          tls: {
            ...(tls.serverName === undefined ? {} : { serverNameOverride: tls.serverName }),
            ...(tls.ca === undefined ? {} : { serverRootCACertificate: tls.ca }),
            ...(tls.clientCertificate === undefined ? {} : { clientCertPair: tls.clientCertificate }),
          },
        }),
    ...(apiKey === undefined ? {} : { apiKey }),
  };
}

function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split('\n')[0]!.slice(0, 300);
}

/** What gRPC calls UNAVAILABLE: the client has tried again for some 20 seconds before it says so. */
const GRPC_UNAVAILABLE = 14;

/** EngineUnreachable for a call on an open connection that Temporal did not answer; any other error as it is. */
export function unreachableOr(error: unknown): unknown {
  const cause = error instanceof Error && isGrpcServiceError(error.cause) ? error.cause : error;
  if (!isGrpcServiceError(cause) || cause.code !== GRPC_UNAVAILABLE) return error;
  return new HoldfastError('EngineUnreachable', `Temporal does not answer any more: ${reasonOf(cause)}`, {
    hint: 'see that it runs, and start again: runs go on where they were',
    cause: error,
  });
}
