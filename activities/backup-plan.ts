/** The dry run of a backup: compares the source with the last snapshot by size and time, and stores nothing. */
import { compareBytePaths, type ByteString } from '../common/byte-string.ts';
import { HoldfastError, throwIfAborted } from '../common/errors.ts';
import type { ActionRequest, BackupSettings } from '../domain/action.ts';
import { createFindingList, type FindingList } from '../domain/findings.ts';
import { formerNames } from '../domain/former-names.ts';
import type { ActionOutcome, BackupFigures } from '../domain/run-record.ts';
import { tagsOfPolicy, type Snapshot } from '../domain/snapshot.ts';
import { displayPath, fromText, joinPath } from '../files/byte-path.ts';
import type { FileEntry } from '../files/file-tree.ts';
import { openLocalTree } from '../files/local-tree.ts';
import { absoluteSources } from '../repository/source-tree.ts';
import { findParent } from '../repository/find-parent.ts';
import { parseGoTime } from '../repository/go-time.ts';
import type { Repository } from '../repository/repository.ts';
import type { TreeNode } from '../repository/tree-node.ts';
import { walkSnapshot } from '../repository/walk-snapshot.ts';
import type { CallContext, Dependencies } from './dependencies.ts';
import { createSourceFilter } from './source-filter.ts';
import { isFolder } from './sync-source.ts';

interface PlanContext extends CallContext {
  repository: Repository;
  settings: BackupSettings;
  figures: BackupFigures;
  findings: FindingList;
}

/** Figures count what a backup would read; `bytesAdded` are the bytes of new and changed files, before deduplication. */
export async function planBackup(
  deps: Dependencies,
  request: ActionRequest,
  settings: BackupSettings,
  context: CallContext,
): Promise<ActionOutcome> {
  const repository = await deps.openRepository(settings.repository, 'reader', context.signal);
  try {
    const sources = absoluteSources(settings.source.directories);
    const snapshots = await repository.listSnapshots({ signal: context.signal, onError: () => undefined });
    await repository.loadIndex({ signal: context.signal });
    const { policy } = request.action;
    const tags = policy === undefined ? ['holdfast'] : tagsOfPolicy(policy);
    const own = policy === undefined ? {} : { ownPolicies: [policy, ...formerNames(request.action)] };
    const query = { paths: sources, hostname: settings.hostname, tags, ...own, time: deps.clock() };
    const parent = findParent(snapshots, query);
    const plan = { ...context, repository, settings, figures: emptyFigures(), findings: createFindingList() };
    for (const source of outermost(sources)) await planSource(plan, source, parent);
    return { figures: plan.figures, findings: plan.findings.all() };
  } finally {
    await repository.close();
  }
}

function emptyFigures(): BackupFigures {
  return {
    kind: 'backup',
    filesNew: 0,
    filesChanged: 0,
    filesUnmodified: 0,
    filesUnreadable: 0,
    bytesProcessed: 0,
    bytesAdded: 0,
    bytesStored: 0,
    filesVerified: 0,
  };
}

/** A directory inside another one is walked with it. */
function outermost(sources: string[]): string[] {
  return sources.filter((source) => !sources.some((other) => other !== source && source.startsWith(`${other}/`)));
}

async function planSource(plan: PlanContext, directory: string, parent: Snapshot | undefined): Promise<void> {
  if (!(await isFolder(directory))) {
    throw new HoldfastError('GuardRefused', `the source ${directory} does not exist`, {
      hint: 'Check that it is mounted and spelled as in the policy.',
      context: { guard: 'missingSource', finding: 'source/missing' },
    });
  }
  const tree = openLocalTree(directory);
  const root = await tree.stat('' as ByteString);
  const filter = createSourceFilter(plan.settings.source, directory, root?.device);
  const onError = (path: ByteString, error: unknown): void => noteUnreadable(plan, directory, path, error);
  const entries = tree.walk({ signal: plan.signal, include: (entry) => filter.ofSource(entry), onError });
  const known = filesBelow(plan, directory, parent);
  let previous = await known.next();
  for await (const entry of entries) {
    throwIfAborted(plan.signal);
    if (entry.type === 'dir') continue;
    const path = joinPath(fromText(directory), entry.path);
    while (!previous.done && compareBytePaths(previous.value.path, path) < 0) previous = await known.next();
    const node = !previous.done && previous.value.path === path ? previous.value.node : undefined;
    count(plan.figures, entry, node);
    plan.progress.report({ phase: 'planning', bytes: plan.figures.bytesProcessed });
  }
  await known.return?.(undefined);
}

function count(figures: BackupFigures, entry: FileEntry, node: TreeNode | undefined): void {
  const sizeBytes = entry.type === 'file' ? entry.sizeBytes : 0;
  figures.bytesProcessed += sizeBytes;
  const unmodified =
    node?.type === entry.type && (node.size ?? 0) === sizeBytes && parseGoTime(node.mtime) === entry.mtimeNs;
  if (unmodified) figures.filesUnmodified++;
  else if (node === undefined) figures.filesNew++;
  else figures.filesChanged++;
  if (!unmodified) figures.bytesAdded += sizeBytes;
}

/** What the snapshot holds below the directory, without folders. */
async function* filesBelow(
  { repository, signal }: PlanContext,
  directory: string,
  snapshot: Snapshot | undefined,
): AsyncGenerator<{ path: ByteString; node: TreeNode }, undefined> {
  if (snapshot === undefined) return undefined;
  const root = fromText(directory);
  const descend = (path: ByteString): boolean =>
    path === root || path.startsWith(`${root}/`) || root.startsWith(`${path}/`);
  for await (const entry of walkSnapshot(repository, snapshot.tree, { signal, descend, onError: () => undefined })) {
    if (entry.node.type !== 'dir' && entry.path.startsWith(`${root}/`)) yield entry;
  }
  return undefined;
}

function noteUnreadable(plan: PlanContext, directory: string, path: ByteString, error: unknown): void {
  const subject = `${directory}/${displayPath(path)}`;
  plan.figures.filesUnreadable++;
  plan.findings.add({
    code: 'source/unreadable',
    severity: 'warning',
    subject,
    message: `${subject} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
    hint: "Let the worker's account read it, or exclude it.",
  });
}
