/** The actions of one policy: what it writes, and what its class adds. */
import { parseDuration } from '../common/durations.ts';
import { absolutePath } from '../common/paths.ts';
import { parseShare, parseSize } from '../common/sizes.ts';
import type { LoadedDocument } from '../schemas/loaded-document.ts';
import type { Problem } from '../schemas/problem.ts';
import type { Assertion, Policy, RestoreTest, Sync } from '../schemas/types.ts';
import type {
  ActionSettings,
  Place,
  RepositorySettings,
  RestoreAssertion,
  RestoreSample,
  SourceSettings,
  SyncEncryption,
  SyncSettings,
} from './action.ts';
import type { ActionDraft } from './action-draft.ts';
import { classSettings, type ClassSettings, DEFAULT_CLASS, resolveObjectives } from './classes.ts';
import { readExcludeFiles } from './exclude-files.ts';
import { offlineTolerance } from './offline-tolerance.ts';
import { projectTimezone, type PolicyFolder } from './policy-folder.ts';
import {
  pathBelow,
  resolveLocation,
  resolveRepository,
  resolveSecretReference,
  resolveSource,
  resolveSourcePlace,
} from './resolve-places.ts';
import { RETENTION_EVERY, resolveRetentionRules } from './resolve-retention.ts';
import { everySeconds } from './schedule-gaps.ts';
import { resolveSchedule, type ScheduleBlock } from './resolve-schedule.ts';

/** Reads the text of a script, or of a file of patterns, at an absolute path; throws when it cannot be read. */
export type ReadScript = (path: string) => string;

const SCRIPT_TIMEOUT = '5m';

/** None for a policy whose source is not built. Files that cannot be read are added to `problems`. */
export function compilePolicy(
  document: LoadedDocument<Policy>,
  folder: PolicyFolder,
  readScript: ReadScript,
  problems: Problem[],
): ActionDraft[] {
  const source = resolveSource(document, folder);
  if (source === undefined) return [];
  source.exclude.push(...readExcludeFiles(document, readScript, problems));
  return new PolicyCompiler(document, folder, source).compile(readScript, problems);
}

/** What one action adds to what all actions of its policy share. */
interface Part {
  /** The end of its id. */
  id: string;
  target: string;
  block: ScheduleBlock;
  /** Interval when the block writes none. */
  every: string;
  settings: ActionSettings;
  host?: string | undefined;
}

class PolicyCompiler {
  readonly #document: LoadedDocument<Policy>;
  readonly #folder: PolicyFolder;
  readonly #source: SourceSettings;
  /** Where the source is a location. */
  readonly #from: Place | undefined;
  readonly #class: ClassSettings;
  /** The repositories of its backups, and those of its copies, in the order written. */
  readonly #repositories: RepositorySettings[];
  readonly #copyTargets: RepositorySettings[];

  constructor(document: LoadedDocument<Policy>, folder: PolicyFolder, source: SourceSettings) {
    this.#document = document;
    this.#folder = folder;
    this.#source = source;
    this.#from = resolveSourcePlace(document, folder);
    this.#class = classSettings(document.content.spec.importance ?? DEFAULT_CLASS, folder.project?.content);
    const { backup = [], copy = [] } = document.content.spec;
    // A backup reads folders of its own machine: what has the same path here is something else.
    const isRemote = this.#from !== undefined && this.#from.location.local === undefined;
    this.#repositories = isRemote ? [] : backup.flatMap(({ to }) => resolveRepository(to, folder) ?? []);
    this.#copyTargets = copy.flatMap(({ to }) => resolveRepository(to, folder) ?? []);
  }

  compile(readScript: ReadScript, problems: Problem[]): ActionDraft[] {
    const { accessCheck, restoreTest } = this.#document.content.spec;
    const parts = [...this.#syncs(), ...this.#backups(), ...this.#copies(), ...this.#retentions()];
    if (this.#repositories.length > 0 || accessCheck !== undefined) parts.push(this.#accessCheck(accessCheck ?? {}));
    if (this.#repositories.length > 0) {
      const assertions = this.#assertions(restoreTest?.assert ?? [], readScript, problems);
      parts.push(...this.#restoreTest(restoreTest ?? {}, assertions));
    }
    return parts.map((part) => this.#draft(part));
  }

  #draft({ id, target, block, every, settings, host }: Part): ActionDraft {
    const { spec } = this.#document.content;
    const actionId = `policy/${this.#document.name}/${id}`;
    const suspended = spec.suspend ?? block.disabled;
    return {
      id: actionId,
      kind: settings.kind,
      policy: this.#document.name,
      target,
      importance: spec.importance ?? DEFAULT_CLASS,
      // Objectives are about recovery: without a backup there is nothing to measure but the lag of a sync.
      ...(this.#repositories.length === 0 && settings.kind !== 'sync'
        ? {}
        : { objectives: resolveObjectives(spec.objectives ?? {}, this.#class.objectives) }),
      schedule: resolveSchedule(block, { every, timezone: projectTimezone(this.#folder), actionId }),
      settings,
      ...(host === undefined ? {} : { host }),
      offlineToleranceSeconds: offlineTolerance(this.#document),
      ...(suspended === undefined ? {} : { suspended }),
    };
  }

  /** `policy` and the names it had before: whose snapshots are its own. */
  get #policyNames(): string[] {
    return [this.#document.name, ...(this.#document.content.metadata.formerly ?? [])];
  }

  get #formerly(): { formerly?: string[] } {
    const { formerly } = this.#document.content.metadata;
    return formerly === undefined ? {} : { formerly };
  }

  *#syncs(): Generator<Part> {
    for (const block of this.#document.content.spec.sync ?? []) {
      const to = resolveLocation(block.to, this.#folder);
      if (to === undefined) continue;
      const path = pathBelow(block.path);
      const encrypt = this.#encryption(block.encrypt);
      const settings: SyncSettings = {
        kind: 'sync',
        source: this.#source,
        ...(this.#from === undefined ? {} : { from: this.#from }),
        to,
        path,
        ...syncOptions(block),
        ...this.#formerly,
        ...encrypt,
      };
      // The path is part of the id: one location may be the target of several syncs.
      const id = ['sync', block.to, path].filter((part) => part !== '').join('/');
      yield {
        id,
        target: block.to,
        block,
        every: this.#class.syncEvery,
        settings,
        host: this.#source.host ?? to.local?.host,
      };
    }
  }

  #encryption(block: Sync['encrypt']): Pick<SyncSettings, 'encrypt'> {
    if (block === undefined) return {};
    const { passwordFrom, saltFrom, names } = block;
    const encrypt: SyncEncryption = {
      password: resolveSecretReference(passwordFrom, this.#document, this.#folder),
      ...(saltFrom === undefined ? {} : { salt: resolveSecretReference(saltFrom, this.#document, this.#folder) }),
      names: names === 'plain' ? 'plain' : 'standard',
    };
    return { encrypt };
  }

  *#backups(): Generator<Part> {
    for (const block of this.#document.content.spec.backup ?? []) {
      const repository = this.#repositories.find(({ name }) => name === block.to);
      if (repository === undefined) continue;
      const settings: ActionSettings = {
        kind: 'backup',
        source: this.#source,
        repository,
        hostname: this.#source.host ?? this.#document.name,
        tags: block.tags ?? [],
        verifyShare: parseShare(block.verify?.content ?? '0%'),
        ...this.#formerly,
      };
      const host = this.#source.host ?? repository.location.local?.host;
      yield { id: `backup/${block.to}`, target: block.to, block, every: this.#class.backupEvery, settings, host };
    }
  }

  /** Where snapshots of this policy are written. */
  get #written(): RepositorySettings[] {
    return [...this.#repositories, ...this.#copyTargets];
  }

  *#copies(): Generator<Part> {
    const { copy = [], retention, hold } = this.#document.content.spec;
    for (const block of copy) {
      const [from, to] = [block.from, block.to].map((name) => resolveRepository(name, this.#folder));
      if (from === undefined || to === undefined) continue;
      const settings: ActionSettings = {
        kind: 'copy',
        from,
        to,
        policyNames: this.#policyNames,
        ...(retention === undefined
          ? {}
          : { rules: resolveRetentionRules(retention, this.#class), ...(hold === undefined ? {} : { hold }) }),
      };
      const host = from.location.local?.host ?? to.location.local?.host;
      yield { id: `copy/${block.to}`, target: block.to, block, every: this.#class.backupEvery, settings, host };
    }
  }

  *#retentions(): Generator<Part> {
    const { backup = [], copy = [], retention, hold, onDelete } = this.#document.content.spec;
    // A copy has no rules of its own: the policy's are for all places.
    const places = [...backup, ...copy.map(({ to }) => ({ to, retention }))];
    for (const { to, retention: own } of places) {
      const block = own ?? retention;
      const repository = this.#written.find(({ name }) => name === to);
      if (block === undefined || repository === undefined) continue;
      const settings: ActionSettings = {
        kind: 'retention',
        repository,
        policyNames: this.#policyNames,
        rules: resolveRetentionRules(block, this.#class),
        ...(hold === undefined ? {} : { hold }),
        ...(onDelete === 'expire' ? { onDelete } : {}),
      };
      yield {
        id: `retention/${to}`,
        target: to,
        block,
        every: RETENTION_EVERY,
        settings,
        host: repository.location.local?.host,
      };
    }
  }

  #accessCheck(block: ScheduleBlock): Part {
    const targets = (this.#document.content.spec.sync ?? []).flatMap(({ to, path }) => {
      const location = resolveLocation(to, this.#folder);
      return location === undefined ? [] : [{ location, path: pathBelow(path) }];
    });
    const sources = this.#from === undefined ? [] : [this.#from];
    const locations = [...targets, ...sources].map(({ location }) => location);
    const names = [...this.#written, ...locations].map(({ name }) => name);
    const settings: ActionSettings = {
      kind: 'access-check',
      repositories: this.#written,
      targets,
      ...(sources.length === 0 ? {} : { sources }),
      ...this.#formerly,
    };
    const host = [...this.#written.map(({ location }) => location), ...locations].find(
      ({ local }) => local?.host !== undefined,
    )?.local?.host;
    return { id: 'access-check', target: listNames(names), block, every: this.#class.accessCheckEvery, settings, host };
  }

  *#restoreTest(block: RestoreTest, assertions: RestoreAssertion[]): Generator<Part> {
    const { from = 'any', snapshot = 'mixed', sample, runOn, scratch, full } = block;
    const repositories = this.#written.filter(({ name }) => from === 'any' || name === from);
    if (repositories.length === 0) return;
    const every = this.#class.restoreTestEvery;
    const schedule = resolveSchedule(block, { every, timezone: projectTimezone(this.#folder), actionId: '' });
    const host = runOn ?? repositories.find(({ location }) => location.local?.host !== undefined)?.location.local?.host;
    const settings: ActionSettings = {
      kind: 'restore-test',
      repositories,
      policyNames: this.#policyNames,
      directories: this.#source.directories,
      snapshot,
      sample: resolveSample(sample),
      ...(full === undefined ? {} : { fullEverySeconds: parseDuration(full.every) }),
      ...(host === undefined ? {} : { host }),
      ...(scratch?.path === undefined ? {} : { scratchPath: absolutePath(this.#document.directory, scratch.path) }),
      ...(scratch?.max === undefined ? {} : { scratchMaxBytes: parseSize(scratch.max) }),
      assertions,
      everySeconds: everySeconds(schedule),
    };
    yield { id: 'restore-test', target: listNames(repositories.map(({ name }) => name)), block, every, settings, host };
  }

  #assertions(written: readonly Assertion[], readScript: ReadScript, problems: Problem[]): RestoreAssertion[] {
    return written.flatMap((assertion, index): RestoreAssertion[] => {
      if (assertion.exists !== undefined) return [{ kind: 'exists', path: pathBelow(assertion.exists) }];
      if (assertion.file !== undefined) return [fileAssertion(assertion, assertion.file)];
      if (assertion.script === undefined) return [];
      const path = absolutePath(this.#document.directory, assertion.script);
      try {
        const timeoutSeconds = parseDuration(assertion.timeout ?? SCRIPT_TIMEOUT);
        return [{ kind: 'script', path: assertion.script, content: readScript(path), timeoutSeconds }];
      } catch (error) {
        problems.push({
          ...this.#document.mark(['spec', 'restoreTest', 'assert', index, 'script']),
          severity: 'error',
          code: 'script-unreadable',
          message: `the script ${path} cannot be read (${reasonOf(error)})`,
          hint: 'write it, or correct the path: it starts at the folder of this file',
        });
        return [];
      }
    });
  }
}

function syncOptions(block: Sync): Omit<SyncSettings, 'kind' | 'source' | 'to' | 'path' | 'encrypt'> {
  const { emptySource = 'refuse', maxDelete = {} } = block.guards ?? {};
  return {
    mode: block.mode,
    include: block.include ?? ['**'],
    guards: { emptySource, maxDelete: { share: parseShare(maxDelete.share ?? '10%'), files: maxDelete.files ?? 1000 } },
    checksum: block.checksum ?? false,
    verifyShare: parseShare(block.verify?.content ?? '0%'),
    ...(block.versions === undefined || block.versions === 'none' ? {} : { versions: block.versions }),
  };
}

function resolveSample(sample: RestoreTest['sample']): RestoreSample {
  if (sample?.all !== undefined) return { kind: 'all' };
  if (sample?.files !== undefined) return { kind: 'files', count: sample.files };
  return { kind: 'cover', withinSeconds: parseDuration(sample?.coverWithin ?? '365d') };
}

function fileAssertion({ minSize, newerThan }: Assertion, path: string): RestoreAssertion {
  return {
    kind: 'file',
    path: pathBelow(path),
    ...(minSize === undefined ? {} : { minSizeBytes: parseSize(minSize) }),
    ...(newerThan === undefined ? {} : { newerThanSeconds: parseDuration(newerThan) }),
  };
}

/** Each name once, in order. */
function listNames(names: readonly string[]): string {
  return [...new Set(names)].join(', ');
}

function reasonOf(error: unknown): string {
  const { code, message } = error as { code?: unknown; message?: string };
  return code === 'ENOENT' ? 'it does not exist' : typeof code === 'string' ? code : (message ?? 'unknown reason');
}
