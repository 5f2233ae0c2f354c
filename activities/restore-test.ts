/** Use case: proves that a snapshot can be restored: restores a rotating sample, compares every byte, runs assertions, measures. */
import { HoldfastError, throwIfAborted } from '../common/errors.ts';
import type { ByteString } from '../common/byte-string.ts';
import { formatBytes } from '../common/sizes.ts';
import type { ActionRequest, RepositorySettings, RestoreTestSettings } from '../domain/action.ts';
import { formerIds } from '../domain/former-names.ts';
import { createFindingList, needsAttention, type FindingList } from '../domain/findings.ts';
import { rtoFinding } from '../domain/objectives.ts';
import {
  chooseSnapshot,
  estimateFullRestoreSeconds,
  planSample,
  splitTurn,
  type TestTurn,
} from '../domain/restore-sample.ts';
import { turnAt } from '../domain/rotation.ts';
import type { ActionOutcome, RestoreTestFigures } from '../domain/run-record.ts';
import { isOfPolicy, type Snapshot } from '../domain/snapshot.ts';
import { displayPath, fromText } from '../files/byte-path.ts';
import { restore } from '../repository/restore.ts';
import type { Repository } from '../repository/repository.ts';
import type { TreeNode } from '../repository/tree-node.ts';
import { walkSnapshot } from '../repository/walk-snapshot.ts';
import type { CallContext, Dependencies } from './dependencies.ts';
import { assertedPaths, runAssertions } from './restore-assertions.ts';
import { compareRestored } from './restore-comparison.ts';
import { makeScratchFolder } from './scratch-folder.ts';
import { settingsOf } from './settings-of.ts';
import { withRepository } from './with-repository.ts';

/**
 * Tests one repository and snapshot, both in turn, in a fresh folder that is removed whatever happens. The outcome names
 * the snapshot when it is proven: all that was restored compared equal, and all assertions hold. What is wrong are
 * findings; a repository that cannot be opened fails the run. A dry run chooses, and restores nothing.
 */
export async function restoreTest(
  deps: Dependencies,
  request: ActionRequest,
  context: CallContext,
): Promise<ActionOutcome> {
  const settings = settingsOf(request, 'restore-test');
  const number = turnAt(request.action.schedule, settings.everySeconds, deps.clock());
  const turn = splitTurn(number, settings.repositories.length, settings.snapshot);
  const repositorySettings = settings.repositories[turn.repository];
  if (repositorySettings === undefined) {
    throw new HoldfastError('InvalidPolicy', `the restore test ${request.action.id} names no repository`);
  }
  const access = { role: 'reader', lock: 'shared' } as const;
  return withRepository(deps, repositorySettings, access, context, async ({ repository, signal }) => {
    const test = { deps, request, settings, repositorySettings, repository, turn, signal, progress: context.progress };
    return testRepository(test);
  });
}

interface TestRun extends CallContext {
  deps: Dependencies;
  request: ActionRequest;
  settings: RestoreTestSettings;
  repositorySettings: RepositorySettings;
  repository: Repository;
  turn: TestTurn;
}

async function testRepository(test: TestRun): Promise<ActionOutcome> {
  const { repository, settings, signal } = test;
  const findings = createFindingList();
  const own = (await repository.listSnapshots({ signal })).filter((snapshot) =>
    isOfPolicy(snapshot, settings.policyNames),
  );
  const chosen = chooseSnapshot(own, settings.snapshot, test.turn);
  if (chosen === undefined) return nothingToTest(test, findings);
  await repository.loadIndex({ signal });
  const selection = await select(test, chosen.snapshot, findings);
  const figures = selection.figures;
  if (test.request.dryRun !== true) await restoreAndCompare(test, chosen.snapshot, selection, findings);
  const { policy = '', objectives } = test.request.action;
  // The time of a restore that brought not everything back measures nothing.
  const rto =
    objectives && figures.proven && rtoFinding(policy, figures.estimatedFullRestoreSeconds, objectives.rtoSeconds);
  if (rto) findings.add(rto);
  return {
    figures,
    findings: findings.all(),
    ...(figures.proven
      ? {
          snapshot: {
            repository: test.repositorySettings.name,
            repositoryId: repository.config.id,
            snapshotId: chosen.snapshot.id,
          },
        }
      : {}),
  };
}

function emptyFigures(repository: string, snapshotTime: string): RestoreTestFigures {
  return {
    kind: 'restore-test',
    repository,
    snapshotTime,
    filesRestored: 0,
    bytesRestored: 0,
    filesCompared: 0,
    filesTotal: 0,
    bytesTotal: 0,
    restoreSeconds: 0,
    bytesPerSecond: 0,
    estimatedFullRestoreSeconds: 0,
    full: false,
    assertionsPassed: 0,
    assertionsFailed: 0,
    proven: false,
  };
}

function nothingToTest(test: TestRun, findings: FindingList): ActionOutcome {
  const { name } = test.repositorySettings;
  findings.add({
    code: 'restore/no-snapshot',
    severity: 'warning',
    subject: name,
    message: `the repository ${name} has no snapshot of ${test.settings.policyNames.join(' or ')}, so that no restore could be tested`,
    hint: `Make one: holdfast run ${test.request.action.policy ?? ''} backup, or copy where ${name} gets copies`,
  });
  return { figures: emptyFigures(name, ''), findings: findings.all() };
}

interface Selection {
  figures: RestoreTestFigures;
  isSelected: (path: ByteString, node: TreeNode) => boolean;
}

/** Counts the snapshot, then chooses this turn's files; the paths of assertions are always among them. */
async function select(test: TestRun, snapshot: Snapshot, findings: FindingList): Promise<Selection> {
  const { settings, repositorySettings, turn } = test;
  const figures = emptyFigures(repositorySettings.name, snapshot.time);
  for await (const { node } of walkFiles(test, snapshot, findings)) {
    figures.filesTotal++;
    figures.bytesTotal += node.size ?? 0;
  }
  figures.full = settings.sample.kind === 'all' || (await isFullDue(test));
  const { sample, everySeconds } = settings;
  const { rule, turns } = planSample({
    sample,
    everySeconds,
    turn,
    filesTotal: figures.filesTotal,
    full: figures.full,
  });
  figures.full ||= turns === 1;
  const asserted = assertedPaths(settings).map(fromText);
  const isAsserted = (path: ByteString): boolean => asserted.some((one) => path === one || path.startsWith(`${one}/`));
  const wanted = (path: ByteString): boolean => isAsserted(path) || rule(path);
  const isSelected = await fitScratch(test, snapshot, wanted, isAsserted, figures, findings);
  return { figures, isSelected };
}

async function* walkFiles(
  { repository, signal, progress }: TestRun,
  snapshot: Snapshot,
  findings?: FindingList,
): AsyncGenerator<{ path: ByteString; node: TreeNode }> {
  let files = 0;
  const onError = (path: ByteString, error: unknown): void =>
    findings?.add({
      code: 'restore/damaged',
      severity: 'critical',
      subject: displayPath(path) || '/',
      message: `the folder ${displayPath(path) || '/'} of the snapshot cannot be read: ${error instanceof Error ? error.message : String(error)}`,
      hint: 'Run "holdfast check --read-data" on the repository.',
    });
  for await (const entry of walkSnapshot(repository, snapshot.tree, { signal, onError })) {
    if (entry.node.type === 'dir') continue;
    progress.report({ phase: 'choosing files', files: ++files });
    yield entry;
  }
}

/** No test has restored everything for as long as the policy says. */
async function isFullDue({ deps, request, settings }: TestRun): Promise<boolean> {
  if (settings.fullEverySeconds === undefined) return false;
  const from = new Date(deps.clock().getTime() - settings.fullEverySeconds * 1000);
  const evidence = await deps.openEvidence(request.evidence);
  try {
    for await (const run of evidence.readRuns({ from, actionId: [request.action.id, ...formerIds(request.action)] })) {
      // One that failed is due again at the next turn.
      if (run.figures?.kind === 'restore-test' && run.figures.full && run.figures.proven) return false;
    }
    return true;
  } finally {
    await evidence.close();
  }
}

/** What does not fit into the scratch space is left to later turns; a full test that does not fit is none. */
async function fitScratch(
  test: TestRun,
  snapshot: Snapshot,
  wanted: (path: ByteString) => boolean,
  isAsserted: (path: ByteString) => boolean,
  figures: RestoreTestFigures,
  findings: FindingList,
): Promise<Selection['isSelected']> {
  const { scratchMaxBytes } = test.settings;
  // Folders come with what is in them; only a full test restores empty ones.
  const isFile = (node: TreeNode): boolean => node.type !== 'dir' || figures.full;
  if (scratchMaxBytes === undefined) return (path, node) => isFile(node) && wanted(path);
  let bytes = 0;
  const leftOut = new Set<ByteString>();
  for (const assertedFirst of [true, false]) {
    for await (const { path, node } of walkFiles(test, snapshot)) {
      if (isAsserted(path) !== assertedFirst || !wanted(path)) continue;
      if (bytes + (node.size ?? 0) > scratchMaxBytes) leftOut.add(path);
      else bytes += node.size ?? 0;
    }
  }
  if (leftOut.size > 0) {
    figures.full = false;
    findings.add({
      code: 'restore/scratch-too-small',
      severity: 'warning',
      subject: test.request.action.id,
      message: `${leftOut.size} files of the sample do not fit into the scratch space of ${formatBytes(scratchMaxBytes)}, and were not tested`,
      hint: 'Give the restore test more scratch space, or a smaller sample.',
    });
  }
  return (path, node) => isFile(node) && wanted(path) && !leftOut.has(path);
}

async function restoreAndCompare(
  test: TestRun,
  snapshot: Snapshot,
  { figures, isSelected }: Selection,
  findings: FindingList,
): Promise<void> {
  const { deps, settings, repository, signal, progress } = test;
  throwIfAborted(signal);
  const scratch = await makeScratchFolder(settings.scratchPath ?? deps.scratchDirectory, test.request.action.id);
  try {
    const target = scratch.path;
    const result = await restore(repository, { snapshot, target, select: isSelected, signal, progress });
    for (const problem of result.problems) findings.add(problem);
    measure(figures, result);
    const comparison = { treeId: snapshot.tree, target, isSelected, full: figures.full, findings, signal, progress };
    figures.filesCompared = await compareRestored(repository, comparison);
    const { passed, failed } = await runAssertions({
      settings,
      target,
      snapshotTime: new Date(snapshot.time),
      full: figures.full,
      allowCommands: deps.allowCommands,
      findings,
      signal,
    });
    figures.assertionsPassed = passed;
    figures.assertionsFailed = failed;
    figures.proven = failed === 0 && figures.filesCompared > 0 && !findings.all().some(needsAttention);
  } finally {
    await scratch.remove();
  }
}

function measure(figures: RestoreTestFigures, result: { files: number; bytes: number; seconds: number }): void {
  figures.filesRestored = result.files;
  figures.bytesRestored = result.bytes;
  figures.restoreSeconds = result.seconds;
  figures.bytesPerSecond = result.seconds > 0 ? Math.round(result.bytes / result.seconds) : 0;
  figures.estimatedFullRestoreSeconds = estimateFullRestoreSeconds({
    seconds: result.seconds,
    files: result.files,
    bytes: result.bytes,
    filesTotal: figures.filesTotal,
    bytesTotal: figures.bytesTotal,
  });
}
