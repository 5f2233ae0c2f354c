/** Compiles policy documents into actions: the canonical, ordered list of everything that runs, with every setting resolved. */
import { canonicalJson } from '../common/canonical-json.ts';
import { absolutePath } from '../common/paths.ts';
import type { LoadedDocument } from '../schemas/loaded-document.ts';
import type { Problem } from '../schemas/problem.ts';
import {
  ACTION_ORDER,
  type Action,
  type EvidenceSettings,
  type LocationSettings,
  type RepositorySettings,
} from './action.ts';
import type { ActionDraft } from './action-draft.ts';
import { compilePolicy } from './compile-policy.ts';
import { compileRepository } from './compile-repository.ts';
import type { EngineSettings } from './engine-settings.ts';
import { smallestTolerance } from './offline-tolerance.ts';
import { indexDocuments, projectTimezone, type PolicyFolder } from './policy-folder.ts';
import { pathBelow, resolveLocation, resolveRepository, resolveSecretReference } from './resolve-places.ts';
import { resolveSchedule } from './resolve-schedule.ts';

/** What compiling needs from outside. */
export interface CompileEnvironment {
  /** Absolute: the folder `.holdfast`, where evidence goes by default. */
  stateDirectory: string;
  /** SHA-256 in hex. */
  digest(text: string): string;
  /** The text of a script at an absolute path; throws when it cannot be read. */
  readScript(path: string): string;
}

export interface CompileResult {
  /** By policy name, then kind as in ACTION_ORDER, then id; repositories after the policies, the project last. */
  actions: Action[];
  /** All repositories of the folder whose location is built, used or not, by name. */
  repositories: RepositorySettings[];
  /** All locations that are built, by name. */
  locations: LocationSettings[];
  evidence: EvidenceSettings;
  engine: EngineSettings;
  /** The Project's name; `project` without one. */
  project: string;
  /** Scripts and files of patterns that cannot be read. */
  problems: Problem[];
}

export const DEFAULT_AUDIT_EVERY = '1d';

/**
 * Pure: equal documents and environments give equal results. The documents must be free of errors; what is not built
 * is left out here and told by `findNotBuilt`.
 */
export function compile(documents: readonly LoadedDocument[], environment: CompileEnvironment): CompileResult {
  const folder = indexDocuments(documents);
  const problems: Problem[] = [];
  const drafts: ActionDraft[] = [];
  for (const policy of sorted(folder.policies)) {
    drafts.push(...compilePolicy(policy, folder, environment.readScript, problems).sort(byKind));
  }
  for (const repository of sorted(folder.repositories))
    drafts.push(...compileRepository(repository, folder).sort(byKind));
  drafts.push(compileAudit(folder));
  return {
    actions: drafts.map((draft) => ({ ...draft, digest: environment.digest(canonicalJson(draft)) })),
    repositories: sorted(folder.repositories).flatMap(({ name }) => resolveRepository(name, folder) ?? []),
    locations: sorted(folder.locations).flatMap(({ name }) => resolveLocation(name, folder) ?? []),
    evidence: resolveEvidence(folder, environment),
    engine: resolveEngine(folder),
    project: projectName(folder),
    problems,
  };
}

function compileAudit(folder: PolicyFolder): ActionDraft {
  const block = folder.project?.content.spec?.audit ?? {};
  const id = 'project/audit';
  const timezone = projectTimezone(folder);
  return {
    id,
    kind: 'audit',
    target: projectName(folder),
    schedule: resolveSchedule(block, { every: DEFAULT_AUDIT_EVERY, timezone, actionId: id }),
    settings: { kind: 'audit' },
    offlineToleranceSeconds: smallestTolerance([...folder.policies.values()]),
    ...(block.disabled === undefined ? {} : { suspended: block.disabled }),
  };
}

function resolveEvidence(folder: PolicyFolder, environment: CompileEnvironment): EvidenceSettings {
  const written = folder.project?.content.spec?.evidence;
  const location = written?.location === undefined ? undefined : resolveLocation(written.location, folder);
  const path = pathBelow(written?.path);
  if (location !== undefined) return { location, path };
  return {
    location: { name: 'evidence', local: { path: absolutePath(environment.stateDirectory, 'evidence') } },
    path,
  };
}

function resolveEngine(folder: PolicyFolder): EngineSettings {
  const { project } = folder;
  const engine = project?.content.spec?.engine;
  if (project === undefined || engine?.address === undefined) return { kind: 'embedded' };
  const settings: EngineSettings = {
    kind: 'address',
    address: engine.address,
    namespace: engine.namespace ?? 'default',
  };
  if (engine.apiKeyFrom !== undefined) settings.apiKey = resolveSecretReference(engine.apiKeyFrom, project, folder);
  if (engine.tls === undefined) return settings;
  const { serverName, ca, certificate, privateKeyFrom } = engine.tls;
  settings.tls = {};
  if (serverName !== undefined) settings.tls.serverName = serverName;
  if (ca !== undefined) settings.tls.caPath = absolutePath(project.directory, ca);
  if (certificate !== undefined) settings.tls.certificatePath = absolutePath(project.directory, certificate);
  if (privateKeyFrom !== undefined) settings.tls.privateKey = resolveSecretReference(privateKeyFrom, project, folder);
  return settings;
}

function projectName(folder: PolicyFolder): string {
  return folder.project?.name ?? 'project';
}

function sorted<T extends LoadedDocument>(documents: ReadonlyMap<string, T>): T[] {
  return [...documents.values()].sort((a, b) => compareText(a.name, b.name));
}

function byKind(a: ActionDraft, b: ActionDraft): number {
  return ACTION_ORDER.indexOf(a.kind) - ACTION_ORDER.indexOf(b.kind) || compareText(a.id, b.id);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
