/** Reads policy files and folders into documents, and finds every problem of their shape. */
import { HoldfastError } from '../common/errors.ts';
import { absolutePath, shownPath } from '../common/paths.ts';
import { checkShape } from './check-shape.ts';
import { expandPolicySet } from './expand-policy-set.ts';
import { hideSecrets, secretMarks } from './hide-secrets.ts';
import type { LoadedDocument, LoadedPolicies } from './loaded-document.ts';
import { type PolicyText, readPolicyText } from './policy-text.ts';
import { byPlace, firstOf, hasErrors, type Mark, type Problem } from './problem.ts';
import { findTemplateProblems, RoomForSets } from './template-rules.ts';
import type { Document } from './types.ts';
import { printable } from './wording.ts';
import { parseYamlFile, type YamlPart } from './yaml-source.ts';

/** How the loader reads files: the CLI gives the real ones (`schemas/local-policy-files.ts`), a test its own. */
export interface PolicyFiles {
  /** Absolute; given paths and shown paths are relative to it. */
  currentFolder: string;
  stat(path: string): Promise<'file' | 'folder' | undefined>;
  /** Entries of a folder, in any order. Links to folders are left out. */
  list(path: string): Promise<{ name: string; kind: 'file' | 'folder' }[]>;
  read(path: string): Promise<Uint8Array>;
}

export interface FoundFile {
  /** Absolute. */
  path: string;
  policyFolder: string;
}

/** What is read so far. */
type Loading = LoadedPolicies & { names: Set<string> };

/**
 * Loads files, and all `*.yaml` and `*.yml` below folders (in byte order; not in folders whose name begins with a dot).
 * Problems are returned, all of them, in file order. Throws Usage when a path does not exist or nothing is found.
 */
export async function loadPolicies(paths: readonly string[], io: PolicyFiles): Promise<LoadedPolicies> {
  const files = await findFiles(paths, io);
  const loaded: Loading = {
    documents: [],
    misshapen: [],
    names: new Set(),
    problems: [],
    files: [],
  };
  const first = new Map<string, Mark>();
  for (const { path, policyFolder } of files) {
    const shown = shownPath(path, io.currentFolder);
    loaded.files.push(shown);
    const directory = absolutePath(path, '..');
    const { text, problems } = await readText(shown, path, io);
    const { parts, problems: syntax } = parseYamlFile(shown, text ?? '');
    problems.push(...syntax);
    const room = new RoomForSets();
    for (const part of parts) {
      if (part.broken) noteName(part.data, loaded.names);
      else problems.push(...(await takeDocument(part, { directory, policyFolder }, { first, loaded, room })));
    }
    loaded.problems.push(...firstOf(problems.sort(byPlace)));
  }
  if (loaded.names.size === 0 && loaded.problems.length === 0) {
    throw new HoldfastError('Usage', `there are no policies in ${paths.join(', ')}`, {
      hint: 'write a first one with: holdfast init',
    });
  }
  return loaded;
}

async function readText(file: string, path: string, io: PolicyFiles): Promise<PolicyText> {
  try {
    return readPolicyText(file, await io.read(path));
  } catch (error) {
    const { code } = error as { code?: string };
    const message = `this file cannot be read${code === 'EACCES' ? ': permission denied' : ` (${code ?? 'unknown reason'})`}`;
    const mark = { file, line: 1, column: 1, length: 1, sourceLine: '' };
    const hint = 'see to its permissions, or move it out of the folder';
    return { problems: [{ ...mark, severity: 'error', code: 'unreadable', message, hint }] };
  }
}

/** Adds one document, and the policies that it makes when it is a PolicySet; gives what is wrong with them. */
async function takeDocument(
  part: YamlPart,
  folders: Pick<LoadedDocument, 'directory' | 'policyFolder'>,
  { first, loaded, room }: { first: Map<string, Mark>; loaded: Loading; room: RoomForSets },
): Promise<Problem[]> {
  const shape = await checkShape(part);
  const set = shape.kind === 'PolicySet' && shape.problems.length === 0 ? findTemplateProblems(part, room) : [];
  const parts = [{ part, shape: { ...shape, problems: [...shape.problems, ...set] } }];
  if (shape.kind === 'PolicySet' && !hasErrors(parts[0]!.shape.problems))
    for (const policy of expandPolicySet(part)) parts.push({ part: policy, shape: await checkShape(policy) });

  // Only a document of the right shape holds no secret by mistake: of the others no line is shown as it is.
  const sound = parts.every(({ shape: { problems } }) => !hasErrors(problems));
  const secrets = sound ? [] : parts.flatMap((made) => secretMarks(made.part));
  const found: Problem[] = [];
  for (const {
    part: made,
    shape: { kind, name, problems },
  } of parts) {
    found.push(...problems);
    if (kind === undefined || name === undefined) continue;
    const mark: LoadedDocument['mark'] = (path, which) => hideSecrets(secrets, [made.mark(path, which)])[0]!;
    const twice = findTwin(kind, name, mark(['metadata', 'name']), first);
    if (twice !== undefined) found.push(twice);
    addName(kind, name, loaded.names);
    const content = made.data as Document;
    if (hasErrors(problems)) loaded.misshapen.push({ kind: content.kind, content, mark });
    else if (twice === undefined) {
      const maker = made === part ? {} : { set: shape.name! };
      loaded.documents.push({ kind: content.kind, name, content, ...folders, mark, ...maker } as LoadedDocument);
    }
  }
  return hideSecrets(secrets, found);
}

/** A document with syntax errors still exists: what refers to it is not wrong too. */
function noteName(data: unknown, names: Set<string>): void {
  const { kind, metadata } = (data ?? {}) as { kind?: unknown; metadata?: { name?: unknown } | null };
  if (typeof kind === 'string' && typeof metadata?.name === 'string') addName(kind, metadata.name, names);
}

/** What is no name cannot be referred to, nor meant. */
function addName(kind: string, name: string, names: Set<string>): void {
  const full = `${kind}/${name}`;
  if (/^[A-Za-z]+\/[a-z0-9][-a-z0-9]*$/.test(full)) names.add(full);
}

function findTwin(kind: string, name: string, mark: Mark, first: Map<string, Mark>): Problem | undefined {
  // There is one Project, whatever its name.
  const key = kind === 'Project' ? kind : `${kind}/${name}`;
  const earlier = first.get(key);
  if (earlier === undefined) {
    first.set(key, mark);
    return undefined;
  }
  const place = `${earlier.file}:${earlier.line}`;
  return kind === 'Project'
    ? {
        ...mark,
        severity: 'error',
        code: 'second-project',
        message: `a second Project; the first is at ${place}`,
        hint: 'put the settings of both into one',
      }
    : {
        ...mark,
        severity: 'error',
        code: 'duplicate-name',
        message: `a second ${kind} named "${printable(name)}"; the first is at ${place}`,
        hint: 'give one of them another name',
      };
}

/** All policy files of the given files and folders, in order. Throws Usage when a path does not exist. */
export async function findFiles(paths: readonly string[], io: PolicyFiles): Promise<FoundFile[]> {
  const found: FoundFile[] = [];
  const seen = new Set<string>();
  const add = (path: string, policyFolder: string): void => {
    if (!seen.has(path)) found.push({ path, policyFolder });
    seen.add(path);
  };
  for (const given of paths) {
    const path = absolutePath(io.currentFolder, given);
    const kind = await io.stat(path);
    if (kind === undefined) {
      throw new HoldfastError('Usage', `there is no policy file or folder ${shownPath(path, io.currentFolder)}`, {
        hint: 'give the folder of your policies, or write a first one with: holdfast init',
      });
    }
    if (kind === 'file') add(path, absolutePath(path, '..'));
    else for await (const file of walk(path, io)) add(file, path);
  }
  return found;
}

async function* walk(folder: string, io: PolicyFiles): AsyncGenerator<string> {
  const entries = await io.list(folder);
  entries.sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
  for (const { name, kind } of entries) {
    const path = absolutePath(folder, name);
    if (kind === 'file' && /\.ya?ml$/.test(name)) yield path;
    else if (kind === 'folder' && !name.startsWith('.')) yield* walk(path, io);
  }
}
