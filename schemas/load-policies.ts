/** Reads policy files and folders into documents, and finds every problem of their shape. */
import { HoldfastError } from '../common/errors.ts';
import { absolutePath, shownPath } from '../common/paths.ts';
import { checkShape } from './check-shape.ts';
import { hideSecrets } from './hide-secrets.ts';
import type { LoadedDocument, LoadedPolicies } from './loaded-document.ts';
import type { Mark, Problem } from './problem.ts';
import type { Document } from './types.ts';
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

interface FoundFile {
  path: string;
  policyFolder: string;
}

/**
 * Loads files, and all `*.yaml` and `*.yml` below folders (in byte order; not in folders whose name begins with a dot).
 * Problems are returned, all of them, in file order. Throws Usage when a path does not exist or nothing is found.
 */
export async function loadPolicies(paths: readonly string[], io: PolicyFiles): Promise<LoadedPolicies> {
  const files = await findFiles(paths, io);
  const loaded: LoadedPolicies & { names: Set<string> } = {
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
    const problems: Problem[] = [];
    const text = decode(shown, await io.read(path), problems);
    const { parts, problems: syntax } = parseYamlFile(shown, text ?? '');
    problems.push(...syntax);
    for (const part of parts) {
      if (part.broken) {
        noteName(part.data, loaded.names);
        continue;
      }
      const shape = await checkShape(part);
      problems.push(...shape.problems);
      if (shape.kind === undefined || shape.name === undefined) continue;
      const twice = findTwin(shape.kind, shape.name, hidingMark(part)(['metadata', 'name']), first);
      if (twice !== undefined) problems.push(twice);
      loaded.names.add(`${shape.kind}/${shape.name}`);
      const content = part.data as Document;
      if (shape.problems.length > 0) loaded.misshapen.push({ kind: content.kind, content, mark: hidingMark(part) });
      if (shape.problems.length > 0 || twice !== undefined) continue;
      loaded.documents.push({
        kind: content.kind,
        name: shape.name,
        content,
        directory,
        policyFolder,
        mark: part.mark,
      } as LoadedDocument);
    }
    loaded.problems.push(...problems.sort(byPlace));
  }
  if (loaded.names.size === 0 && loaded.problems.length === 0) {
    throw new HoldfastError('Usage', `there are no policies in ${paths.join(', ')}`, {
      hint: 'write a first one with: holdfast init',
    });
  }
  return loaded;
}

/** Only a document of the right shape holds no secret by mistake: of the others no line is shown as it is. */
function hidingMark(part: YamlPart): LoadedDocument['mark'] {
  return (path, which) => hideSecrets(part, [part.mark(path, which)])[0]!;
}

/** A document with syntax errors still exists: what refers to it is not wrong too. */
function noteName(data: unknown, names: Set<string>): void {
  const { kind, metadata } = (data ?? {}) as { kind?: unknown; metadata?: { name?: unknown } | null };
  if (typeof kind === 'string' && typeof metadata?.name === 'string') names.add(`${kind}/${metadata.name}`);
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
        message: `a second ${kind} named "${name}"; the first is at ${place}`,
        hint: 'give one of them another name',
      };
}

async function findFiles(paths: readonly string[], io: PolicyFiles): Promise<FoundFile[]> {
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

function decode(file: string, bytes: Uint8Array, problems: Problem[]): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    const before = new TextDecoder().decode(bytes).split('\ufffd')[0] ?? '';
    const line = before.split('\n').length;
    const sourceLine = before.slice(before.lastIndexOf('\n') + 1);
    problems.push({
      file,
      line,
      column: sourceLine.length + 1,
      length: 1,
      sourceLine,
      severity: 'error',
      code: 'not-utf8',
      message: 'this file is not UTF-8 text',
      hint: 'save it as UTF-8',
    });
    return undefined;
  }
}

/** Orders the problems of one file. */
export function byPlace(a: Mark, b: Mark): number {
  return a.line - b.line || a.column - b.column;
}
