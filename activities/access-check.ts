/** Use case: who can read and write repositories, sync targets, sources that are locations, and password files, against who may. */
import { join, resolve } from 'node:path';
import { throwIfAborted } from '../common/errors.ts';
import type { ByteString } from '../common/byte-string.ts';
import { evaluateAccess, type AccessEvaluation, type AccessSubject } from '../domain/access-rules.ts';
import type {
  AccessCheckSettings,
  AccessRules,
  ActionRequest,
  LocalLocation,
  LocationSettings,
  RepositorySettings,
} from '../domain/action.ts';
import type { Finding } from '../domain/finding.ts';
import { createFindingList, type FindingList } from '../domain/findings.ts';
import type { ActionOutcome, AccessCheckFigures } from '../domain/run-record.ts';
import { displayPath, fromText } from '../files/byte-path.ts';
import type { FileEntry } from '../files/file-tree.ts';
import { openLocalTree } from '../files/local-tree.ts';
import { examineRemote } from './access-remote.ts';
import { openAccessReader, type AccessReader } from './access-entries.ts';
import type { CallContext, Dependencies } from './dependencies.ts';
import { settingsOf } from './settings-of.ts';

/**
 * Examines every entry of the policy's repositories, sync targets, and of a source that is a location, by owner, group, mode and ACL, from the root of
 * their location downward, and the password files of the repositories. Whoever can do more than the location's access
 * rules say is a finding with the command that mends it. Changes nothing.
 */
export async function accessCheck(
  deps: Dependencies,
  request: ActionRequest,
  context: CallContext,
): Promise<ActionOutcome> {
  const settings = settingsOf(request, 'access-check');
  const reader = openAccessReader();
  const findings = createFindingList();
  const figures: AccessCheckFigures = { kind: 'access-check', entriesExamined: 0, principals: 0 };
  const principals = new Set<string>();
  for (const { location, paths, isWritten } of placesOf(settings)) {
    if (location.local === undefined) {
      const place = { location, path: paths[0] ?? '', isWritten };
      for (const finding of await examineRemote(deps, place, context)) findings.add(finding);
      continue;
    }
    noteUnknownAccounts(reader, location, findings);
    const evaluation = evaluateAccess(subjectOf(reader, location.access));
    for (const path of paths) await examine(reader, location, path, evaluation, findings, figures, context);
    for (const principal of evaluation.principals()) principals.add(principal);
  }
  for (const repository of settings.repositories) {
    for (const finding of await examinePasswordFile(deps, reader, repository, figures)) findings.add(finding);
  }
  return { figures: { ...figures, principals: principals.size }, findings: findings.all() };
}

interface ExaminedPlaces {
  location: LocationSettings;
  paths: string[];
  /** Not only read. */
  isWritten: boolean;
}

/** The places of each location in the order of their paths, without those inside another one. */
function placesOf({ repositories, targets, sources = [] }: AccessCheckSettings): ExaminedPlaces[] {
  const written = [...repositories, ...targets];
  const places = new Map<string, ExaminedPlaces>();
  for (const { location, path } of [...written, ...sources]) {
    const isWritten = written.some((other) => other.location.name === location.name);
    const place = places.get(location.name) ?? { location, paths: [], isWritten };
    places.set(location.name, place);
    place.paths.push(
      path
        .split('/')
        .filter((part) => part !== '')
        .join('/'),
    );
  }
  for (const place of places.values()) {
    const sorted = [...new Set(place.paths)].toSorted((a, b) => (`${a}/` < `${b}/` ? -1 : 1));
    place.paths = sorted.filter((path) => !sorted.some((outer) => outer !== path && isInside(path, outer)));
  }
  return [...places.values()];
}

function isInside(path: string, outer: string): boolean {
  return outer === '' || path.startsWith(`${outer}/`);
}

function subjectOf(reader: AccessReader, rules: AccessRules | undefined): AccessSubject {
  return {
    ...(rules === undefined ? {} : { rules }),
    worker: reader.worker,
    membersOf: (group) => reader.membersOf(group),
  };
}

async function examine(
  reader: AccessReader,
  location: LocalLocation,
  path: string,
  evaluation: AccessEvaluation,
  findings: FindingList,
  figures: AccessCheckFigures,
  context: CallContext,
): Promise<void> {
  const root = location.local.path;
  const folders = ['', ...path.split('/').filter((part) => part !== '')].map((_, index, parts) =>
    join(root, ...parts.slice(0, index + 1)),
  );
  for (const folder of folders) {
    const entry = await openLocalTree(folder).stat('' as ByteString);
    if (entry === undefined) return findings.add(missing(folder));
    visit(reader, folder, entry, evaluation, findings, figures);
  }
  const directory = folders.at(-1)!;
  const onError = (below: ByteString, error: unknown): void =>
    findings.add(unexamined(join(directory, displayPath(below)), error));
  for await (const entry of openLocalTree(directory).walk({ signal: context.signal, onError })) {
    throwIfAborted(context.signal);
    visit(reader, directory, entry, evaluation, findings, figures);
    context.progress.report({ phase: 'examining', files: figures.entriesExamined });
  }
}

/** Links have no permissions of their own. */
function visit(
  reader: AccessReader,
  directory: string,
  entry: FileEntry,
  evaluation: AccessEvaluation,
  findings: FindingList,
  figures: AccessCheckFigures,
): void {
  if (entry.type === 'symlink') return;
  figures.entriesExamined++;
  for (const finding of evaluation.visit(reader.read(fromText(directory), entry))) findings.add(finding);
}

function missing(folder: string): Finding {
  return {
    code: 'access/missing',
    severity: 'notice',
    subject: folder,
    message: `${folder} does not exist, so that nobody's access to it could be checked`,
    hint: 'Check that it is mounted; a new repository or target appears with its first run.',
  };
}

function unexamined(path: string, error: unknown): Finding {
  return {
    code: 'access/unexamined',
    severity: 'warning',
    subject: path,
    message: `${path} could not be examined: ${error instanceof Error ? error.message : String(error)}`,
    hint: "Let the worker's account read it.",
  };
}

function noteUnknownAccounts(reader: AccessReader, { name, access }: LocationSettings, findings: FindingList): void {
  const declared = new Set([...(access?.admins ?? []), ...(access?.writers ?? []), ...(access?.readers ?? [])]);
  for (const account of declared) {
    if (reader.isAccount(account)) continue;
    const message = `the access rules of location ${name} name "${account}", which is no account of this machine`;
    findings.add({ code: 'access/unknown-account', severity: 'notice', subject: name, message });
  }
}

/** Whoever the location's rules name may read the password; nobody else but root and the worker. */
async function examinePasswordFile(
  deps: Dependencies,
  reader: AccessReader,
  repository: RepositorySettings,
  figures: AccessCheckFigures,
): Promise<Finding[]> {
  const file = locate(deps, repository);
  if (file === undefined) return [];
  const entry = await openLocalTree(resolve(file, '..')).stat(fromText(file.slice(file.lastIndexOf('/') + 1)));
  if (entry === undefined)
    return [
      passwordFinding(
        repository,
        file,
        `the password file ${file} of the repository ${repository.name} does not exist`,
      ),
    ];
  const { access } = repository.location;
  const rules = access && { admins: access.admins, writers: [], readers: [...access.writers, ...access.readers] };
  const evaluation = evaluateAccess(subjectOf(reader, rules));
  for (const folder of foldersAbove(file)) {
    const above = await openLocalTree(folder).stat('' as ByteString);
    if (above !== undefined) evaluation.pass(reader.read(fromText(folder), above));
  }
  figures.entriesExamined++;
  const found = evaluation.visit(reader.read(fromText(resolve(file, '..')), entry));
  return found.map(({ message, hint }) =>
    passwordFinding(
      repository,
      file,
      `the password file of the repository ${repository.name} is open to others: ${message}`,
      hint,
    ),
  );
}

function locate(deps: Dependencies, { password }: RepositorySettings): string | undefined {
  if (!('file' in password)) return undefined;
  if (password.file.startsWith('/')) return password.file;
  return deps.secretsDirectory === undefined ? undefined : resolve(deps.secretsDirectory, password.file);
}

function foldersAbove(file: string): string[] {
  const parts = file.split('/').slice(1, -1);
  return ['/', ...parts.map((_, index) => `/${parts.slice(0, index + 1).join('/')}`)];
}

function passwordFinding(repository: RepositorySettings, file: string, message: string, hint?: string): Finding {
  return {
    code: 'access/password-file',
    severity: 'critical',
    subject: file,
    message,
    hint: hint ?? `Put the password of ${repository.name} there, mode 0600.`,
  };
}
