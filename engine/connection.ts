/** Connections to a Temporal server: the embedded one's, or any cluster's as the Project's `engine` says. */
import { once } from 'node:events';
import { connect as connectSocket } from 'node:net';
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

/** A refused connection takes as long as a silent one: gRPC tries again until the time is over. */
const CONNECT_TIMEOUT_MS = 5000;
const KNOCK_TIMEOUT_MS = 1000;

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
    const reason = (await knock(engine.address)) ?? reasonOf(error);
    throw new HoldfastError('EngineUnreachable', `Temporal at ${engine.address} does not answer: ${reason}`, {
      hint: 'see that it runs and that address, namespace, tls and apiKeyFrom of the Project are right',
      cause: error,
    });
  }
}

/** Why not even a connection comes about, in the system's word (ECONNREFUSED, ENOTFOUND): gRPC knows only that time ran out. */
async function knock(address: string): Promise<string | undefined> {
  const [, host, port] = /^\[?(.+?)\]?:(\d+)$/.exec(address) ?? [];
  if (host === undefined) return 'an address is HOST:PORT';
  const socket = connectSocket({ host, port: Number(port), timeout: KNOCK_TIMEOUT_MS });
  try {
    await Promise.race([once(socket, 'connect'), once(socket, 'timeout')]);
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  } finally {
    socket.destroy();
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

/** Tries of a call that takes too long: each lasts ten seconds or more. */
const PATIENCE = 6;

/** gRPC's status codes for what is wrong with the engine and not with a call. */
const GRPC_DEADLINE_EXCEEDED = 4;
const GRPC_NOT_FOUND = 5;
const GRPC_PERMISSION_DENIED = 7;
/** The client has tried again for some 20 seconds before it says so. */
const GRPC_UNAVAILABLE = 14;
const GRPC_UNAUTHENTICATED = 16;

/** EngineUnreachable for a call on an open connection that Temporal did not answer; any other error as it is. */
export function unreachableOr(error: unknown): unknown {
  const cause = grpcErrorOf(error);
  if (cause?.code !== GRPC_UNAVAILABLE && cause?.code !== GRPC_DEADLINE_EXCEEDED) return error;
  return new HoldfastError('EngineUnreachable', `Temporal does not answer any more: ${reasonOf(cause)}`, {
    hint: 'see that it runs, and start again: runs go on where they were',
    cause: error,
  });
}

/** A call that took too long is made again: a server with thousands of schedules to make answers late, and then well. */
export async function patiently<Result>(call: () => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await call();
    } catch (error) {
      if (grpcErrorOf(error)?.code !== GRPC_DEADLINE_EXCEEDED || attempt === PATIENCE) throw unreachableOr(error);
    }
  }
}

/** Throws EngineUnreachable when the namespace is not there, or this account may not use it. */
export async function requireNamespace(connection: Connection, { address, namespace }: EngineAddress): Promise<void> {
  try {
    await connection.workflowService.describeNamespace({ namespace });
  } catch (error) {
    const cause = grpcErrorOf(error);
    if (cause?.code === GRPC_NOT_FOUND)
      throw new HoldfastError('EngineUnreachable', `Temporal at ${address} has no namespace ${namespace}`, {
        hint: `correct engine.namespace of the Project, or create it: temporal operator namespace create -n ${namespace} --address ${address}`,
        retryable: false,
        cause: error,
      });
    if (cause?.code === GRPC_PERMISSION_DENIED || cause?.code === GRPC_UNAUTHENTICATED)
      throw new HoldfastError(
        'EngineUnreachable',
        `Temporal at ${address} refuses the use of namespace ${namespace}: ${reasonOf(cause)}`,
        { hint: 'see that tls and apiKeyFrom of the Project are right', retryable: false, cause: error },
      );
    throw unreachableOr(error);
  }
}

function grpcErrorOf(error: unknown) {
  const cause = error instanceof Error && isGrpcServiceError(error.cause) ? error.cause : error;
  return isGrpcServiceError(cause) ? cause : undefined;
}
