/** What tests of the engine share: a state folder of their own, an embedded server in it, requests to run. */
import { mkdtemp, rm } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Action, ActionKind, ActionRequest } from '../../domain/action.ts';
import { startEmbedded, type EmbeddedOptions, type EmbeddedServer } from '../../engine/embedded-server.ts';
import type { Peer } from '../peers.ts';

export interface StateFolder extends AsyncDisposable {
  path: string;
}

export async function temporaryFolder(purpose: string): Promise<StateFolder> {
  const path = await mkdtemp(join(tmpdir(), `holdfast-${purpose}-`));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true, maxRetries: 5 }) };
}

export function embeddedOptions(stateDirectory: string, temporal: Peer): EmbeddedOptions {
  return {
    stateDirectory,
    cacheDirectory: join(stateDirectory, 'cache'),
    explicitPath: temporal.command,
    environment: process.env,
    onProgress: () => {},
  };
}

export function startServer(stateDirectory: string, temporal: Peer): Promise<EmbeddedServer> {
  return startEmbedded(embeddedOptions(stateDirectory, temporal));
}

/** An audit's action: the kind with the least settings. */
export function someAction(changes: Partial<Action> = {}): Action {
  return {
    id: 'project/audit',
    kind: 'audit' satisfies ActionKind,
    target: 'demo',
    schedule: {
      timing: { kind: 'interval', everySeconds: 86_400, offsetSeconds: 0 },
      jitterSeconds: 0,
      timeoutSeconds: 60,
      missed: 'latest',
    },
    settings: { kind: 'audit' },
    offlineToleranceSeconds: 0,
    digest: 'a'.repeat(64),
    ...changes,
  };
}

export function someRequest(changes: Partial<ActionRequest> = {}): ActionRequest {
  return {
    action: someAction(),
    commit: { hash: 'c'.repeat(40), dirty: false },
    applyId: '20261123T014730Z-1f2e3d4c',
    evidence: { location: { name: 'evidence', local: { path: '/tmp/holdfast-evidence' } }, path: '' },
    trigger: 'once',
    ...changes,
  };
}

export const THIS_HOST = hostname();
