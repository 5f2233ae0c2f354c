/** The worker: gives the use cases what they need of this machine, and runs them as Temporal's activities. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createActivities } from './activities/index.ts';
import type { OpenBucket } from './activities/inspect-bucket.ts';
import type { Dependencies } from './activities/dependencies.ts';
import { resolveSecret } from './cli/resolve-secret.ts';
import type { OnRetry } from './common/progress.ts';
import type { RunRecord } from './domain/run-record.ts';
import type { EngineAddress } from './engine/connection.ts';
import { keepBundle } from './engine/keep-bundle.ts';
import { startTaskWorker, type TaskWorker, type WorkflowSource } from './engine/task-worker.ts';
import { openEvidenceStore } from './evidence/open-evidence-store.ts';
import { openRepository } from './repository/open-repository.ts';
import { isLockName } from './repository/reader-storage.ts';
import { identityOf, openStorage } from './storage/open-storage.ts';
import { openTree } from './storage/open-tree.ts';
import { readOnly } from './storage/read-only.ts';

/** What the worker may take from its machine. */
export interface WorkerMachine {
  environment: Readonly<Record<string, string | undefined>>;
  /** The name by which policies call this machine. */
  hostname: string;
  /** Relative secret files are looked up here: the worker's secrets folder; embedded, the policy folder. */
  secretsDirectory: string;
  /** Where restore tests may put files. */
  scratchDirectory: string;
  /** Whether programs of policies (assertion scripts, secret programs) may run. */
  allowCommands: boolean;
}

/** The dependencies of all use cases on this machine. `onRetry`: told of what storages try again. */
export function createDependencies(machine: WorkerMachine, onRetry?: OnRetry): Dependencies {
  const surroundings = surroundingsOf(machine, onRetry);
  const secret = surroundings.resolveSecret;
  const open: Dependencies['openStorage'] = (location, path, role) => openStorage(location, path, role, surroundings);
  return {
    openStorage: open,
    openTree: (location, path, role) => openTree(location, path, role, surroundings),
    async openRepository(settings, role, signal) {
      const password = await secret(settings.password);
      const opened = await open(settings.location, settings.path, role);
      const storage = role === 'reader' ? readOnly(opened, isLockName) : opened;
      try {
        return await openRepository(storage, password, { compression: settings.compression, signal });
      } catch (error) {
        await storage.close();
        throw error;
      }
    },
    openEvidence: async ({ location, path }) => openEvidenceStore(await open(location, path, 'writer')),
    resolveSecret: secret,
    secretsDirectory: machine.secretsDirectory,
    clock: () => new Date(),
    hostname: machine.hostname,
    scratchDirectory: machine.scratchDirectory,
    allowCommands: machine.allowCommands,
  };
}

/** Opens buckets as they are, for who asks for their rules. */
export function bucketOpener(machine: WorkerMachine, onRetry?: OnRetry): OpenBucket {
  return async (location, role) => {
    const { openBucket } = await import('./storage/open-bucket.ts');
    return openBucket(location, '', identityOf(location, role), surroundingsOf(machine, onRetry));
  };
}

function surroundingsOf(machine: WorkerMachine, onRetry: OnRetry | undefined) {
  const { environment, secretsDirectory: baseDirectory, allowCommands } = machine;
  const secret: Dependencies['resolveSecret'] = (reference) =>
    resolveSecret(reference, { environment, baseDirectory, allowCommands });
  return { environment, resolveSecret: secret, onRetry };
}

/** Starts polling for this machine's work. Throws EngineUnreachable. `engine/runtime.ts` must have been installed. */
export async function startWorker(
  engine: EngineAddress,
  machine: WorkerMachine,
  options: { concurrency?: number; onRecord?: (record: RunRecord) => void } = {},
): Promise<TaskWorker> {
  const { concurrency, onRecord } = options;
  const dependenciesFor = (onRetry: OnRetry): Dependencies => {
    const dependencies = createDependencies(machine, onRetry);
    return onRecord === undefined ? dependencies : telling(dependencies, onRecord);
  };
  return startTaskWorker({
    engine,
    workflows: await findWorkflows(),
    activities: createActivities(dependenciesFor),
    hostname: machine.hostname,
    ...(concurrency === undefined ? {} : { concurrency }),
  });
}

/** Tells of each run record that this worker has written. */
function telling(dependencies: Dependencies, onRecord: (record: RunRecord) => void): Dependencies {
  return {
    ...dependencies,
    async openEvidence(settings) {
      const store = await dependencies.openEvidence(settings);
      return {
        ...store,
        async writeRun(record) {
          await store.writeRun(record);
          onRecord(record);
        },
      };
    },
  };
}

/** The package has a bundle beside its compiled files; a checkout is bundled when its worker starts with new code. */
async function findWorkflows(): Promise<WorkflowSource> {
  const codePath = fileURLToPath(new URL('./workflow-bundle.js', import.meta.url));
  return existsSync(codePath) ? { codePath } : { code: await keepBundle(fileURLToPath(new URL('.', import.meta.url))) };
}
