/** What the policies protect on this machine, and what needs no protection, as a survey of folders asks for it. */
import { existsSync, realpathSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { ByteString } from '../common/byte-string.ts';
import { HoldfastError } from '../common/errors.ts';
import { formatBytes } from '../common/sizes.ts';
import type { Action, SourceSettings } from '../domain/action.ts';
import type { CoverageGround, CoverageSource } from '../domain/coverage.ts';
import { whyNeverNeeded } from '../domain/never-needed.ts';
import { fromText, joinPath, toBytes } from '../files/byte-path.ts';
import { createExcludeMarkers } from '../files/exclude-markers.ts';
import { readMounts } from '../files/mounts.ts';
import { compilePatterns } from '../files/patterns.ts';
import { isSqliteFile } from '../files/sqlite-file.ts';
import type { CliContext } from './command.ts';
import { compilePolicies, type LookedUpPolicies } from './compile-policies.ts';
import { stateDirectoryOf } from './state-folder.ts';

export interface PolicyCoverage extends CoverageGround {
  /** Sentences: what of the policies does not count here, and why. */
  remarks: string[];
}

/** @param host Whose folders these are. */
export async function readPolicyCoverage(
  context: CliContext,
  { policies, host }: { policies?: string | undefined; host: string },
): Promise<PolicyCoverage> {
  const remarks: string[] = [];
  const compiled = await compileIfThere(context, policies, remarks);
  const sources = compiled === undefined ? [] : readSources(compiled.actions, host, remarks);
  const targets = compiled === undefined ? new Map<string, string>() : targetsOf(compiled);
  targets.set(stateDirectoryOf(context.directory), 'holdfast’s own state');
  const mounts = readMounts();
  const caches = createExcludeMarkers({ excludeCaches: true });
  return {
    sources,
    remarks,
    isSqlite: isSqliteFile,
    whyIgnored: (path) =>
      whyNeverNeeded(path, mounts) ??
      targets.get(path) ??
      (caches.keptIn(path) === undefined ? undefined : 'a cache (CACHEDIR.TAG)'),
  };
}

/** Without policies nothing is protected, which is an answer, too; a folder that was named must be there. */
async function compileIfThere(
  context: CliContext,
  policies: string | undefined,
  remarks: string[],
): Promise<LookedUpPolicies | undefined> {
  if (policies !== undefined || existsSync(resolve(context.directory, 'policies'))) {
    const compiled = await compilePolicies(context, policies === undefined ? [] : [policies]);
    const broken = compiled.broken.size;
    if (broken > 0) remarks.push(`${[...compiled.broken].join(', ')}: what has errors protects nothing`);
    return compiled;
  }
  remarks.push('there are no policies in policies/, so that nothing is protected');
  return undefined;
}

function readSources(actions: readonly Action[], host: string, remarks: string[]): CoverageSource[] {
  const found = new Map<string, CoverageSource>();
  const others = new Set<string>();
  for (const { policy = '', settings } of actions) {
    // The folders of a location elsewhere are none of this machine.
    if (settings.kind !== 'backup' && (settings.kind !== 'sync' || settings.from !== undefined)) continue;
    const { source } = settings;
    if (source.host !== undefined && source.host !== host) {
      others.add(`${policy} (${source.host})`);
      continue;
    }
    for (const directory of source.directories) {
      const name = JSON.stringify([policy, directory]);
      const read = found.get(name) ?? readSource(policy, source, directory, remarks);
      if (read !== undefined) found.set(name, read);
    }
  }
  if (others.size > 0) remarks.push(`not of this host, ${host}: ${[...others].join(', ')}`);
  return [...found.values()];
}

/** undefined for a source that is not there, or that says by a marker that none of it is to be kept. */
function readSource(
  policy: string,
  settings: SourceSettings,
  directory: string,
  remarks: string[],
): CoverageSource | undefined {
  const there = statSync(directory, { throwIfNoEntry: false, bigint: true });
  if (there === undefined) {
    const remark = `the source ${directory} of ${policy} does not exist here`;
    if (!remarks.includes(remark)) remarks.push(remark);
    return undefined;
  }
  // A source that is a link is followed, and the walk meets what it leads to.
  const root = fromText(realpathSync(directory));
  const written = fromText(directory);
  const asWritten = (path: ByteString): ByteString =>
    root === written ? path : joinPath(written, path.slice(root.length + 1) as ByteString);
  const patterns = compilePatterns(settings.exclude);
  const deep = compilePatterns(
    settings.exclude.filter((pattern) => pattern.startsWith('/') && !pattern.includes('**')),
  );
  const markers = createExcludeMarkers(settings);
  if (markers.keptIn(root) !== undefined) {
    remarks.push(`a marker in ${directory} keeps ${policy} from protecting it`);
    return undefined;
  }
  const { excludeLargerThanBytes: largest } = settings;
  if (largest !== undefined)
    remarks.push(`${policy} leaves out files of more than ${formatBytes(largest)} in ${directory}`);
  return {
    policy,
    directory: root,
    ...(settings.oneFileSystem ? { device: there.dev } : {}),
    leavesOut: !patterns.isEmpty || !markers.isEmpty || settings.oneFileSystem,
    excludes: (path) => patterns.matches(asWritten(path)) || (!markers.isEmpty && markers.keptIn(path) !== undefined),
    mayExcludeBelow: (path) => deep.mayMatchBelow(asWritten(path)),
  };
}

/** Where the policies themselves write on this machine. */
function targetsOf({ repositories, actions, evidence }: LookedUpPolicies): Map<string, string> {
  const targets = new Map<string, string>();
  const add = (place: { location: { local?: { path: string } }; path: string }, why: string): void => {
    if (place.location.local !== undefined) targets.set(resolve(place.location.local.path, place.path), why);
  };
  for (const repository of repositories) add(repository, `the repository ${repository.name}`);
  for (const { settings, policy } of actions)
    if (settings.kind === 'sync') add({ location: settings.to, path: settings.path }, `the copy of ${policy}`);
  add(evidence, 'the evidence');
  return targets;
}

/** The folder itself, not what leads to it. Throws Usage when there is none. */
export function surveyedFolder(directory: string, given: string): { path: ByteString; device: bigint } {
  const path = resolve(directory, given);
  const stat = statSync(path, { throwIfNoEntry: false, bigint: true });
  if (stat?.isDirectory() === true) {
    const real = fromText(realpathSync(path));
    return { path: real, device: statSync(toBytes(real), { bigint: true }).dev };
  }
  throw new HoldfastError('Usage', `${given} ${stat === undefined ? 'does not exist' : 'is no folder'}`, {
    hint: 'name folders whose protection is to be looked at',
  });
}
