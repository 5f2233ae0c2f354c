/** What an action's settings protect less than they did: fewer files, looser guards, less proof. */
import { canonicalJson } from '../common/canonical-json.ts';
import { formatDuration } from '../common/durations.ts';
import { formatBytes } from '../common/sizes.ts';
import type {
  ActionSettings,
  CheckSettings,
  PruneSettings,
  RestoreSample,
  RestoreTestSettings,
  SourceSettings,
  SyncEncryption,
  SyncSettings,
} from './action.ts';
import { describeAssertion } from './action-fields.ts';
import { periodSeconds } from './retention-span.ts';
import { placeKey } from './settings-places.ts';
import { weakerRetention } from './weaker-retention.ts';

/** Ends of sentences that begin with the action's name; of two kinds nothing. */
export function weakerSettings(before: ActionSettings, after: ActionSettings): Iterable<string> {
  if (before.kind === 'sync' && after.kind === 'sync') return weakerSync(before, after);
  if (before.kind === 'backup' && after.kind === 'backup')
    return [...weakerSource(before.source, after.source), ...weakerVerify(before, after)];
  if (before.kind === 'retention' && after.kind === 'retention') return weakerRetention(before, after);
  if (before.kind === 'restore-test' && after.kind === 'restore-test') return weakerRestoreTest(before, after);
  if (before.kind === 'check' && after.kind === 'check') return weakerCheck(before, after);
  if (before.kind === 'prune' && after.kind === 'prune') return weakerPrune(before, after);
  return [];
}

function* weakerSync(before: SyncSettings, after: SyncSettings): Generator<string> {
  const [old, now] = [before, after].map(({ from }) => (from === undefined ? '' : placeKey(from.location, from.path)));
  if (old !== now) yield 'reads its source from another place';
  if (placeKey(before.to, before.path) !== placeKey(after.to, after.path)) yield 'goes to another place';
  yield* weakerSource(before.source, after.source);
  for (const pattern of missing(before.include, after.include)) yield `does not include "${pattern}" any more`;
  if (before.mode === 'copy' && after.mode === 'mirror') yield 'removes from its copy what its source does not have';
  yield* weakerVersions(before.versions, after.versions);
  yield* weakerEncryption(before.encrypt, after.encrypt);
  yield* weakerGuards(before.guards, after.guards);
  if (before.checksum && !after.checksum) yield 'compares sizes and times alone, not contents';
  yield* weakerVerify(before, after);
}

function* weakerSource(before: SourceSettings, after: SourceSettings): Generator<string> {
  for (const directory of missing(before.directories, after.directories)) yield `leaves out ${directory}`;
  for (const pattern of missing(after.exclude, before.exclude)) yield `leaves out what "${pattern}" excludes`;
  for (const name of missing(after.excludeIfPresent, before.excludeIfPresent))
    yield `leaves out folders with a file ${name}`;
  if (after.excludeCaches && !before.excludeCaches) yield 'leaves out caches';
  const [limit = Infinity, lower = Infinity] = [before.excludeLargerThanBytes, after.excludeLargerThanBytes];
  if (lower < limit) yield `leaves out files of more than ${formatBytes(lower)}`;
  if (after.oneFileSystem && !before.oneFileSystem) yield 'leaves out what is mounted within its folders';
}

function* weakerVersions(before: string | undefined, after: string | undefined): Generator<string> {
  if (before === undefined) return;
  if (after === undefined) yield 'keeps nothing aside of what it replaces and removes';
  else if (periodSeconds(after) < periodSeconds(before)) yield `keeps aside for less long: ${before} → ${after}`;
}

function* weakerEncryption(before: SyncEncryption | undefined, after: SyncEncryption | undefined): Generator<string> {
  if (before === undefined) return;
  if (after === undefined) return yield 'is not encrypted any more';
  if (canonicalJson([before.password, before.salt]) !== canonicalJson([after.password, after.salt]))
    yield 'gets another key for its encryption: what it has copied cannot be read with that';
  if (before.names === 'standard' && after.names === 'plain') yield 'does not encrypt names any more';
}

function* weakerGuards(before: SyncSettings['guards'], after: SyncSettings['guards']): Generator<string> {
  if (before.emptySource === 'refuse' && after.emptySource === 'allow')
    yield 'takes an empty source for an empty folder (the guard emptySource is off)';
  const [old, now] = [before.maxDelete, after.maxDelete];
  if (now.share > old.share || now.files > old.files)
    yield `may remove more in one run: ${old.files} files and ${percent(old.share)} → ${now.files} and ${percent(now.share)}`;
}

function* weakerVerify(before: { verifyShare: number }, after: { verifyShare: number }): Generator<string> {
  if (after.verifyShare < before.verifyShare)
    yield `compares less with its source afterwards: ${percent(before.verifyShare)} → ${percent(after.verifyShare)}`;
}

function* weakerRestoreTest(before: RestoreTestSettings, after: RestoreTestSettings): Generator<string> {
  const names = ({ repositories }: RestoreTestSettings) => repositories.map(({ name }) => name);
  for (const name of missing(names(before), names(after))) yield `does not test ${name} any more`;
  if (isSmaller(before.sample, after.sample)) yield 'restores another sample, which may prove less';
  const [every = Infinity, longer = Infinity] = [before.fullEverySeconds, after.fullEverySeconds];
  if (longer > every)
    yield `restores everything ${longer === Infinity ? 'never' : `every ${formatDuration(longer)} only`}, not every ${formatDuration(every)}`;
  const kept = new Set(after.assertions.map((assertion) => canonicalJson(assertion)));
  for (const assertion of before.assertions)
    if (!kept.has(canonicalJson(assertion))) yield `does not demand "${describeAssertion(assertion)}" as it did`;
}

/** Two kinds of samples have no common measure but that all is the most. */
function isSmaller(before: RestoreSample, after: RestoreSample): boolean {
  if (before.kind === 'cover' && after.kind === 'cover') return after.withinSeconds > before.withinSeconds;
  if (before.kind === 'files' && after.kind === 'files') return after.count < before.count;
  return after.kind !== 'all' && before.kind !== after.kind;
}

function* weakerCheck(before: CheckSettings, after: CheckSettings): Generator<string> {
  if (after.readDataShare < before.readDataShare)
    yield `reads less data: ${percent(before.readDataShare)} → ${percent(after.readDataShare)}`;
}

function* weakerPrune(before: PruneSettings, after: PruneSettings): Generator<string> {
  if (after.afterSeconds < before.afterSeconds)
    yield `frees the data of forgotten snapshots sooner: after ${formatDuration(before.afterSeconds)} → ${formatDuration(after.afterSeconds)}`;
}

/** What of a list the other one lacks. */
function missing(list: readonly string[], other: readonly string[]): string[] {
  return list.filter((entry) => !other.includes(entry));
}

function percent(share: number): string {
  return `${Math.round(share * 10_000) / 100}%`;
}
