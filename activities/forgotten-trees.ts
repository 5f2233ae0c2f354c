/** The list of snapshots about to be forgotten, kept beside the evidence, so that prune spares their data for a while. */
import { createHash } from 'node:crypto';
import { IntegrityError } from '../common/errors.ts';
import type { ActionRequest } from '../domain/action.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { readOnly } from '../storage/read-only.ts';
import type { Dependencies } from './dependencies.ts';

interface ForgottenList {
  format: 'holdfast-forgotten/1';
  repositoryId: string;
  at: string;
  snapshots: { id: string; tree: string; time: string }[];
}

/** Written before the first removal: a run that dies in the middle has said all that it may have removed. */
export async function noteForgotten(
  deps: Pick<Dependencies, 'openStorage' | 'clock'>,
  request: Pick<ActionRequest, 'evidence'>,
  repositoryId: string,
  snapshots: readonly Snapshot[],
): Promise<void> {
  const list: ForgottenList = {
    format: 'holdfast-forgotten/1',
    repositoryId,
    at: deps.clock().toISOString(),
    snapshots: snapshots.map(({ id, tree, time }) => ({ id, tree, time })),
  };
  const content = Buffer.from(`${JSON.stringify(list)}\n`);
  const digest = createHash('sha256').update(content).digest('hex').slice(0, 16);
  const storage = await deps.openStorage(request.evidence.location, request.evidence.path, 'writer');
  try {
    await storage.write(`${folderOf(repositoryId)}${list.at.replaceAll(':', '')}-${digest}.json`, content);
  } finally {
    await storage.close();
  }
}

/** The root trees of snapshots that were forgotten at or after `since`. */
export async function readForgottenTrees(
  deps: Pick<Dependencies, 'openStorage'>,
  request: Pick<ActionRequest, 'evidence'>,
  repositoryId: string,
  since: Date,
): Promise<string[]> {
  const folder = folderOf(repositoryId);
  const trees = new Set<string>();
  const storage = readOnly(await deps.openStorage(request.evidence.location, request.evidence.path, 'reader'));
  try {
    for await (const { name } of storage.list(folder)) {
      // Names sort by time; the first part is ISO without colons, in UTC.
      if (name.slice(folder.length) < since.toISOString().replaceAll(':', '')) continue;
      for (const { tree } of parseList(name, await storage.read(name)).snapshots) trees.add(tree);
    }
  } finally {
    await storage.close();
  }
  return [...trees];
}

function folderOf(repositoryId: string): string {
  return `forgotten/${repositoryId}/`;
}

function parseList(name: string, content: Buffer): ForgottenList {
  try {
    const list = JSON.parse(content.toString('utf8')) as ForgottenList;
    if (list.format === 'holdfast-forgotten/1' && Array.isArray(list.snapshots)) return list;
  } catch {
    // The same as another format: it cannot be read.
  }
  throw new IntegrityError(`the list of forgotten snapshots ${name} cannot be read`, {
    hint: 'Move it away to let prune free the data of the snapshots that it names.',
  });
}
