/** Use case: makes a folder's copy equal to its source: plans, asks the guards, copies, removes, verifies. */
import type { ByteString } from '../common/byte-string.ts';
import { HoldfastError, StorageError, throwIfAborted } from '../common/errors.ts';
import { acceptCommand } from '../domain/accept-command.ts';
import type { ActionRequest, SyncSettings } from '../domain/action.ts';
import { createFindingList, type FindingList } from '../domain/findings.ts';
import { intervalSeconds, turnAt } from '../domain/rotation.ts';
import { turnsOfShare } from '../domain/turns.ts';
import { MAX_PLANNED_DECISIONS, type ActionOutcome, type SyncFigures } from '../domain/run-record.ts';
import type { SyncMarker } from '../domain/sync-marker.ts';
import { createSyncLag } from '../domain/sync-lag.ts';
import { checkSyncGuards, metadataDifference } from '../domain/sync-plan.ts';
import { VERSIONS_FOLDER } from '../domain/sync-versions.ts';
import { fromText } from '../files/byte-path.ts';
import type { FileEntry, FileTree } from '../files/file-tree.ts';
import { openFoldedTree } from '../files/folded-tree.ts';
import type { CallContext, Dependencies } from './dependencies.ts';
import { countRequests } from './location-requests.ts';
import { readProcessRights } from './process-rights.ts';
import { markedSource } from './marked-source.ts';
import { settingsOf } from './settings-of.ts';
import { copyEntries, metadataOf, type SyncRun } from './sync-copy.ts';
import { asKept } from './kept-entry.ts';
import { withOwnMode } from './own-mode.ts';
import { verifySync } from './sync-compare.ts';
import { closeSources, openSources, type SyncSources } from './sync-source.ts';
import { isFirstFilling, isListedByThreads, walkPair, type SyncPair, type WalkContext } from './sync-pair.ts';
import { createSyncSurvey, planPair, surveyPair, type SyncSurvey } from './sync-survey.ts';
import { placeDeferred, removeEntries, settleFolders } from './sync-remove.ts';
import { openSyncRenames } from './sync-renames.ts';
import { openWholeTarget, planTargetTrees, type TargetTree } from './sync-tree.ts';
import { createSyncFilter } from './sync-filter.ts';
import { expireSyncVersions, openSyncVersions } from './sync-versions.ts';
import { addUnreadable, reportLag, watchLag } from './sync-lag.ts';
import { diskKeepsOf } from './sync-keeps.ts';
import { renewSyncMarker, requireOwnTarget, writeSyncMarker } from './sync-marker.ts';
import { leaseTarget, prepareTarget } from './sync-target.ts';

/** File systems date changes by a clock that may be some milliseconds behind. */
const LATE_DISK_MS = 20;
/** A server has a clock of its own, and whole seconds. */
const LATE_SERVER_MS = 3000;

/**
 * Mirrors or copies the source's directories into the target; a single one becomes the target itself, several are
 * placed in it by their names. Nothing is changed before the whole plan has passed the guards (GuardRefused); removals
 * come last. Source files that cannot be read are findings, and their copies stay. A dry run returns the plan.
 */
export async function sync(deps: Dependencies, request: ActionRequest, context: CallContext): Promise<ActionOutcome> {
  const counted = countRequests(deps);
  const outcome = await openAndSync(counted.deps, request, context);
  const requests = counted.requests();
  return requests.length === 0 ? outcome : { ...outcome, requests };
}

async function openAndSync(deps: Dependencies, request: ActionRequest, context: CallContext): Promise<ActionOutcome> {
  const settings = settingsOf(request, 'sync');
  // They may not answer: who watches sees what is waited for.
  if (settings.from !== undefined) context.progress.report({ phase: `opening ${settings.from.location.name}` });
  const sources = await openSources(deps, request, settings);
  try {
    context.progress.report({ phase: `opening ${settings.to.name}` });
    const target = await openWholeTarget(deps, settings);
    try {
      return await syncInto(deps, request, settings, { ...context, sources, stored: target });
    } finally {
      await target.close();
    }
  } finally {
    await closeSources(sources);
  }
}

/** `stored`: the whole target, as it is stored. */
type SyncContext = CallContext & { sources: SyncSources; stored: FileTree };

async function syncInto(
  deps: Dependencies,
  request: ActionRequest,
  settings: SyncSettings,
  context: SyncContext,
): Promise<ActionOutcome> {
  await prepareTarget(deps, request, context.stored);
  if (request.dryRun === true) return syncPairs(deps, request, settings, context);
  await requireOwnTarget(deps, request, settings, context.stored);
  return syncUnderLease(deps, request, settings, context);
}

async function syncUnderLease(
  deps: Dependencies,
  request: ActionRequest,
  settings: SyncSettings,
  context: SyncContext,
): Promise<ActionOutcome> {
  const lease = await leaseTarget(deps, settings, context.stored, context);
  try {
    const signal = AbortSignal.any([context.signal, lease.lost]);
    return await syncPairs(deps, request, settings, { ...context, signal });
  } catch (error) {
    if (!lease.lost.aborted || context.signal.aborted) throw error;
    throw new StorageError(`the lock of the sync target ${context.stored.description} was lost while working`, {
      cause: error,
    });
  } finally {
    await lease.release();
  }
}

async function syncPairs(
  deps: Dependencies,
  request: ActionRequest,
  settings: SyncSettings,
  context: SyncContext,
): Promise<ActionOutcome> {
  const figures = emptyFigures();
  const findings = createFindingList();
  const pairs: { pair: SyncPair; survey: SyncSurvey }[] = [];
  try {
    // Asked before the target is locked, so that nothing of somebody else's is touched, and once more under the lock.
    const marker = await requireOwnTarget(deps, request, settings, context.stored);
    const dryRun = request.dryRun === true;
    const keeps = await diskKeepsOf(context.stored, settings, { marker, dryRun });
    for (const tree of await planTargetTrees(deps, settings, { keeps, signal: context.signal })) {
      const pair = await openPair(settings, context.sources.get(tree.directory)!, tree, marker?.folds ?? []);
      const survey = createSyncSurvey();
      pairs.push({ pair, survey });
      survey.isAhead = dryRun || !(await isFirstFilling(pair, { ...context, findings }));
      if (!survey.isAhead) continue;
      await planPair(pair, survey, { ...context, findings, dryRun });
      checkEmptySource(request, settings, pair, survey);
    }
    checkMaxDelete(
      request,
      settings,
      pairs.map(({ survey }) => survey),
    );
    if (dryRun) {
      addExamined(figures, pairs);
      return plannedOutcome(figures, findings, pairs);
    }
    // The names that a new target does not tell apart are known from now on, and the plan is another one then.
    if (marker !== undefined) await renewSyncMarker(context.stored, marker, keeps);
    else if ((await writeSyncMarker(context.stored, request, settings, { now: deps.clock(), keeps })).folds.length > 0)
      return await syncPairs(deps, request, settings, context);
    figures.marked = true;
    for (const { pair, survey } of pairs) {
      await carryOutPair(deps, request, settings, pair, survey, { ...context, figures, findings });
    }
    addExamined(figures, pairs);
    return { figures, findings: findings.all() };
  } finally {
    for (const { pair } of pairs) await pair.target.close();
  }
}

function emptyFigures(): SyncFigures {
  return {
    kind: 'sync',
    filesExamined: 0,
    filesCopied: 0,
    filesRemoved: 0,
    filesUnchanged: 0,
    metadataUpdated: 0,
    bytesCopied: 0,
    filesVerified: 0,
    bytesTotal: 0,
  };
}

async function openPair(
  settings: SyncSettings,
  opened: FileTree,
  { directory, isLocationRoot, open }: TargetTree,
  folds: SyncMarker['folds'],
): Promise<SyncPair> {
  const root = await opened.stat('' as ByteString);
  const { source, markers } = markedSource(opened, directory, settings.source);
  const stored = await open();
  const rights = rightsOf(stored);
  const filter = createSyncFilter(
    {
      settings: settings.source,
      directory,
      device: root?.device,
      include: settings.include,
      hasLocks: isLocationRoot,
      sourceHasLocks: settings.from?.path === '',
    },
    markers,
  );
  // Encrypted names have no letters that a file system could confuse.
  const confuses = folds.length > 0 && settings.encrypt?.names !== 'standard';
  const folded = confuses ? openFoldedTree(stored, { tree: source, include: filter.ofCopy }, folds) : undefined;
  const target = folded ?? stored;
  return {
    settings,
    source,
    sourceRoot: root && withOwnMode(rights, root),
    target,
    isScanned: isListedByThreads({ source, target }),
    ...(folded === undefined ? {} : { folded }),
    isLocationRoot,
    ...rights,
    filter,
  };
}

/** What a tree keeps of owners it says itself, if it is none of this machine's. */
function rightsOf({ keeps, modesBind }: FileTree): Pick<SyncPair, 'owners' | 'overrides'> {
  const { changesOwners, overridesPermissions } = readProcessRights();
  return {
    owners: keeps === undefined ? changesOwners : true,
    overrides: modesBind === undefined ? overridesPermissions : !modesBind,
  };
}

/** Each directory by itself: one of several that is not mounted must not go unnoticed. */
function checkEmptySource(request: ActionRequest, settings: SyncSettings, pair: SyncPair, survey: SyncSurvey): void {
  const refusal = checkSyncGuards({ ...survey.counts, removals: 0 }, settings.guards, request.accept);
  if (refusal !== undefined) throw refused(request, `${refusal.message} (${pair.source.description})`, refusal.guard);
}

function checkMaxDelete(request: ActionRequest, settings: SyncSettings, surveys: readonly SyncSurvey[]): void {
  const counts = { sourceEntries: 1, targetFiles: 0, removals: 0 };
  for (const survey of surveys) {
    counts.targetFiles += survey.counts.targetFiles;
    counts.removals += survey.counts.removals;
  }
  const refusal = checkSyncGuards(counts, settings.guards, request.accept);
  if (refusal !== undefined) throw refused(request, refusal.message, refusal.guard);
}

function refused(request: ActionRequest, message: string, guard: 'emptySource' | 'maxDelete'): HoldfastError {
  const finding = guard === 'emptySource' ? 'guard/empty-source' : 'guard/max-delete';
  return new HoldfastError('GuardRefused', message, {
    hint: `Check the source. If that is right, run: ${acceptCommand(request.action, guard)}`,
    context: { guard, finding },
  });
}

function addExamined(figures: SyncFigures, surveyed: readonly { survey: SyncSurvey }[]): void {
  for (const { survey } of surveyed) {
    figures.bytesTotal += survey.bytesTotal;
    figures.filesExamined += survey.filesExamined;
  }
}

function plannedOutcome(
  figures: SyncFigures,
  findings: FindingList,
  surveyed: readonly { survey: SyncSurvey }[],
): ActionOutcome {
  for (const { planned } of surveyed.map(({ survey }) => survey)) {
    figures.filesCopied += planned.filesCopied;
    figures.bytesCopied += planned.bytesCopied;
    figures.filesRemoved += planned.filesRemoved;
    figures.filesUnchanged += planned.filesUnchanged;
    figures.metadataUpdated += planned.metadataUpdated;
    figures.filesRenamed = (figures.filesRenamed ?? 0) + planned.filesRenamed;
  }
  const decisions = surveyed.flatMap(({ survey }) => survey.decisions).slice(0, MAX_PLANNED_DECISIONS);
  return { figures: { ...figures, decisions }, findings: findings.all() };
}

async function carryOutPair(
  deps: Dependencies,
  request: ActionRequest,
  settings: SyncSettings,
  pair: SyncPair,
  survey: SyncSurvey,
  context: CallContext & { figures: SyncFigures; findings: FindingList },
): Promise<void> {
  throwIfAborted(context.signal);
  const startedAtNs = BigInt(Date.now() - (pair.source.isRemote === true ? LATE_SERVER_MS : LATE_DISK_MS)) * 1_000_000n;
  const now = deps.clock();
  const versions = settings.versions === undefined ? {} : openVersions(pair, now, context.figures);
  const renames = openSyncRenames(survey.renames, { readsCheaply: settings.to.local !== undefined });
  const run: SyncRun = {
    ...pair,
    ...context,
    ...versions,
    renames,
    failed: new Set(),
    folders: new Map(),
    deferred: [],
  };
  const root = pair.isLocationRoot ? undefined : await openRoot(run);
  // The survey has told what cannot be read.
  const quiet = { signal: context.signal, findings: createFindingList() };
  if (!survey.isAhead) await copyEntries(run, surveyPair(pair, survey, { ...context, isNewTarget: true }), Infinity);
  else if (survey.hasChanges) await copySurveyed(run, pair, survey, quiet);
  else context.figures.filesUnchanged += survey.filesUnchanged;
  await removeEntries(run, survey.removals, pair.filter.ofCopy);
  await placeDeferred(run);
  await expireVersions(run, settings, now);
  if (root !== undefined && pair.sourceRoot !== undefined) await settleRoot(run, pair.sourceRoot);
  await settleFolders(run);
  const { lag, unreadable } = await verifyPair(run, pair, survey, { request, settings, now, startedAtNs });
  await addUnreadable(run, lag, unreadable);
  reportLag(run, lag, request.action, deps.clock());
}

/** By what the survey remembers, else by another walk. */
async function copySurveyed(run: SyncRun, pair: SyncPair, survey: SyncSurvey, quiet: WalkContext): Promise<void> {
  const { remembered, copies } = survey;
  const recorded = survey.recording.isWhole ? survey.recording : undefined;
  const pass = (files: number): void => {
    run.figures.filesUnchanged += files;
  };
  if (remembered !== undefined) pass(survey.filesPassedOver);
  await copyEntries(
    run,
    remembered ?? walkPair(pair, { ...quiet, recorded, onEqual: ({ files }) => pass(files) }),
    copies,
  );
}

/** Looks once more at both trees, unless nothing was changed and no content is to be compared: then the survey was that look. */
async function verifyPair(
  run: SyncRun,
  pair: SyncPair,
  survey: SyncSurvey,
  options: { request: ActionRequest; settings: SyncSettings; now: Date; startedAtNs: bigint },
): Promise<Pick<SyncSurvey, 'lag' | 'unreadable'>> {
  const { schedule } = options.request.action;
  const turns = turnsOfShare(options.settings.verifyShare);
  if (turns === 0 && !survey.hasChanges && survey.removals.size === 0) return survey;
  const seen = { lag: createSyncLag(), unreadable: [] as ByteString[] };
  const decisions = walkPair(pair, {
    signal: run.signal,
    findings: createFindingList(),
    onUnreadable: (path) => seen.unreadable.push(path),
    onNameless: () => seen.lag.addUndated(),
    // Of a share each file has its turn.
    ...(turns === 0 ? { onEqual: () => undefined } : {}),
  });
  await verifySync(run, {
    decisions: watchLag(run, seen.lag, decisions),
    turn: turnAt(schedule, intervalSeconds(schedule, options.now), options.now),
    turns,
    startedAtNs: options.startedAtNs,
  });
  return seen;
}

function openVersions({ target }: SyncPair, now: Date, figures: SyncFigures): Pick<SyncRun, 'versions'> {
  figures.filesKept ??= 0;
  const versions = openSyncVersions(target, now, () => {
    figures.filesKept = (figures.filesKept ?? 0) + 1;
  });
  return { versions };
}

/** Kept versions of a policy that no longer wants any are a person's to remove. */
async function expireVersions(run: SyncRun, { versions: period }: SyncSettings, now: Date): Promise<void> {
  const { target, signal, figures, findings } = run;
  if (period !== undefined) {
    figures.filesExpired = (figures.filesExpired ?? 0) + (await expireSyncVersions(target, { period, now, signal }));
    return;
  }
  const folder = fromText(VERSIONS_FOLDER);
  if ((await target.stat(folder)) === undefined) return;
  const subject = `${target.description}/${VERSIONS_FOLDER}`;
  findings.add({
    code: 'sync/old-versions',
    severity: 'notice',
    subject,
    message: `${subject} has files that this policy once kept aside; they stay until somebody removes them`,
  });
}

/** The folder of the copy, made when it is new, and writable by its owner while the sync goes on. */
async function openRoot(run: SyncRun): Promise<FileEntry | undefined> {
  const root = await run.target.stat('' as ByteString);
  if (root === undefined) await run.target.makeFolder('' as ByteString, { mode: 0o700 });
  else if (!run.overrides && (root.mode & 0o700) !== 0o700) {
    await run.target.setMetadata('' as ByteString, { mode: root.mode | 0o700 });
  }
  return root ?? (await run.target.stat('' as ByteString));
}

async function settleRoot(run: SyncRun, source: FileEntry): Promise<void> {
  const root = await run.target.stat('' as ByteString);
  if (root !== undefined && metadataDifference(asKept(run, source), asKept(run, root), run.owners) === undefined)
    return;
  run.folders.set('' as ByteString, metadataOf(run, source));
}
