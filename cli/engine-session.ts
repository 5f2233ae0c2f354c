/** The engine while a command runs: the embedded one or a cluster, a connection to it, perhaps a worker, and an orderly end. */
import { appendFileSync, existsSync } from 'node:fs';
import type { Client, Connection } from '@temporalio/client';
import { HoldfastError, InterruptedError } from '../common/errors.ts';
import type { EngineAddress } from '../engine/connection.ts';
import type { EmbeddedServer } from '../engine/embedded-server.ts';
import type { RunRecord } from '../domain/run-record.ts';
import type { TaskWorker } from '../engine/task-worker.ts';
import type { WorkerMachine } from '../worker.ts';
import type { CliContext } from './command.ts';
import { cacheDirectoryOf, stateDirectoryOf } from './state-folder.ts';

export interface EngineSession {
  engine: EngineAddress;
  /** Of this folder, and not a cluster. */
  isEmbedded: boolean;
  connection: Connection;
  client: Client;
  /** Of the embedded engine: where a person looks at histories. */
  uiUrl?: string;
  /** Whether this process does the work; else another one does. */
  hasWorker: boolean;
  /** Ends with an error when the worker or the embedded server died on its own; else never. */
  readonly failed: Promise<never>;
  /**
   * Stops the worker, then leaves the engine. Running activities are cancelled first. When one does not stop in time,
   * throws InterruptedError at once: the process must end, so that nothing is written any more.
   */
  close(): Promise<void>;
}

export interface EngineOptions {
  /** Absent: the embedded one. */
  engine?: EngineAddress;
  /** Only looks: the namespace of a cluster is left as it is. */
  readOnly?: boolean;
  /** Runs a worker on this machine; `unlessRunning`: not when another process of the embedded engine has one. */
  worker?: {
    machine: WorkerMachine;
    unlessRunning?: boolean;
    onRecord?: (record: RunRecord) => void;
    concurrency?: number;
  };
}

/** Starts or joins the embedded engine when `engine` is absent, else connects to it. Throws EngineUnreachable. */
export async function openEngine(context: CliContext, options: EngineOptions): Promise<EngineSession> {
  const [{ installRuntime }, { connect }, { Client: TemporalClient }] = await Promise.all([
    import('../engine/runtime.ts'),
    import('../engine/connection.ts'),
    import('@temporalio/client'),
  ]);
  const embedded = options.engine === undefined ? await startServer(context, options) : undefined;
  const engine = options.engine ?? embedded!.engine;
  const abandon = () => embedded?.abandon();
  // A second Ctrl-C ends the process in the middle of whatever it does: the server must not stay behind.
  process.once('exit', abandon);
  let connection: Connection | undefined;
  let worker: TaskWorker | undefined;
  const close = async () => {
    await stopWorker(worker, abandon);
    await connection?.close();
    await embedded?.release();
    process.off('exit', abandon);
  };
  try {
    installRuntime(logTo(context, embedded));
    connection = await connect(engine);
    if (embedded === undefined) await prepareCluster(connection, engine, options.readOnly === true);
    if (options.worker !== undefined && embedded?.needsWorker !== false) {
      const { startWorker } = await import('../worker.ts');
      worker = await startWorker(engine, options.worker.machine, options.worker);
    }
  } catch (error) {
    await close();
    throw error;
  }
  return {
    engine,
    isEmbedded: embedded !== undefined,
    connection,
    client: new TemporalClient({ connection, namespace: engine.namespace }),
    uiUrl: embedded?.uiUrl,
    hasWorker: worker !== undefined,
    failed: failureOf(worker, embedded),
    close,
  };
}

async function startServer(
  { environment, directory, output, signal }: CliContext,
  { worker }: EngineOptions,
): Promise<EmbeddedServer> {
  const { startEmbedded } = await import('../engine/embedded-server.ts');
  return startEmbedded({
    stateDirectory: stateDirectoryOf(directory),
    cacheDirectory: cacheDirectoryOf(environment),
    explicitPath: environment['HOLDFAST_TEMPORAL_CLI'] || undefined,
    environment,
    onProgress: (line) => output.note(line),
    worker: worker === undefined ? 'no' : worker.unlessRunning === true ? 'unless-running' : 'yes',
    signal,
  });
}

/** A cluster's namespace has its own retention, which is not ours to change; the search attributes we need. */
async function prepareCluster(connection: Connection, engine: EngineAddress, readOnly: boolean): Promise<void> {
  const [{ requireNamespace }, { registerSearchAttributes }] = await Promise.all([
    import('../engine/connection.ts'),
    import('../engine/search-attributes.ts'),
  ]);
  await requireNamespace(connection, engine);
  if (!readOnly) await registerSearchAttributes(connection, engine.namespace);
}

/** Temporal's own log: a file of the embedded engine; beside a cluster, stderr of a worker that a service manager watches. */
function logTo(context: CliContext, embedded: EmbeddedServer | undefined): (line: string) => void {
  if (embedded === undefined) return (line) => context.output.detail(line);
  const path = embedded.paths.workerLog;
  return (line) => {
    context.output.detail(line);
    // The state folder may be removed under a running engine: a log is no reason to fail.
    if (existsSync(embedded.paths.directory)) appendFileSync(path, `${line}\n`, { mode: 0o600 });
  };
}

async function stopWorker(worker: TaskWorker | undefined, abandon: () => void): Promise<void> {
  if (worker === undefined) return;
  worker.stop();
  try {
    await worker.stopped;
  } catch (error) {
    // What still runs could write on: the caller ends the process now, and the server ends by itself.
    abandon();
    throw new InterruptedError('interrupted: work that did not stop in time was ended', {
      hint: 'the run goes on with the next `holdfast start`',
      cause: error,
    });
  }
}

function failureOf(worker: TaskWorker | undefined, embedded: EmbeddedServer | undefined): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  worker?.stopped.catch((error: unknown) =>
    reject(
      new HoldfastError(
        'EngineUnreachable',
        `the worker stopped: ${error instanceof Error ? error.message : String(error)}`,
        {
          hint: 'see that Temporal still runs, and start again: runs go on where they were',
          cause: error,
        },
      ),
    ),
  );
  embedded?.lost.catch(reject);
  promise.catch(() => {});
  return promise;
}
