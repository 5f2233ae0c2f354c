/** Every value in force for a policy and for the places it uses, each with where it came from: a file, a class, the language. */
import { formatDuration } from '../common/durations.ts';
import { BUILT_IN_CLASSES, classSettings, type ClassSettings, DEFAULT_CLASS } from '../domain/classes.ts';
import { indexDocuments, projectTimezone, type PolicyFolder } from '../domain/policy-folder.ts';
import type { DocumentPath, Kind, LoadedDocument } from '../schemas/loaded-document.ts';
import { followReference, objectBranch, rootSchema, type SchemaNode } from '../schemas/schema-tree.ts';
import type { Policy, Project } from '../schemas/types.ts';

/** Where a value came from. */
export type Origin =
  /** Written; `document` when it is another one than the value's own. */
  | { kind: 'file'; file: string; line: number; document?: string }
  /** The class's: written in the Project, or built in (`builtIn` names the class whose value it is). */
  | { kind: 'class'; class: string; file: string; line: number }
  | { kind: 'class'; class: string; builtIn: string }
  /** The language's default. */
  | { kind: 'built-in' };

export interface ResolvedValue {
  path: DocumentPath;
  value: unknown;
  from: Origin;
}

export interface ResolvedDocument {
  kind: Kind;
  name: string;
  file: string;
  line: number;
  /** In the order of the schema. */
  values: ResolvedValue[];
}

/** The policy, its repositories and its locations. The documents must be free of errors. */
export function resolveValues(
  policy: LoadedDocument<Policy>,
  documents: readonly LoadedDocument[],
): ResolvedDocument[] {
  const folder = indexDocuments(documents);
  return [policy, ...placesOf(policy, folder)].map((document) => ({
    kind: document.kind,
    name: document.name,
    ...lineOf(document, []),
    values: new Resolver(document, folder).values(),
  }));
}

/** What stands below each other is written with dots, items of lists with their number: `backup[0].every`. */
export function pathText(path: DocumentPath): string {
  return path.map((step, index) => (typeof step === 'number' ? `[${step}]` : index === 0 ? step : `.${step}`)).join('');
}

function placesOf({ content: { spec } }: LoadedDocument<Policy>, folder: PolicyFolder): LoadedDocument[] {
  const { source, sync = [], backup = [], copy = [] } = spec;
  const repositories = [...backup.map(({ to }) => to), ...copy.flatMap(({ from, to }) => [from, to])].flatMap(
    (name) => folder.repositories.get(name) ?? [],
  );
  const names = [
    source.location,
    ...sync.map(({ to }) => to),
    ...repositories.map(({ content }) => content.spec.location),
  ];
  const locations = names.flatMap((name) => (name === undefined ? [] : (folder.locations.get(name) ?? [])));
  return [...new Set<LoadedDocument>([...repositories, ...locations])];
}

/** What a class says, by its path in a Project's class. */
const OF_CLASS: readonly { values: RegExp; path: DocumentPath; valueOf: (settings: ClassSettings) => unknown }[] = [
  { values: /^spec\.sync\[\d+\]\.every$/, path: ['sync', 'every'], valueOf: ({ syncEvery }) => syncEvery },
  {
    values: /^spec\.(backup|copy)\[\d+\]\.every$/,
    path: ['backup', 'every'],
    valueOf: ({ backupEvery }) => backupEvery,
  },
  {
    values: /^spec\.restoreTest\.every$/,
    path: ['restoreTest', 'every'],
    valueOf: ({ restoreTestEvery }) => restoreTestEvery,
  },
  {
    values: /^spec\.accessCheck\.every$/,
    path: ['accessCheck', 'every'],
    valueOf: ({ accessCheckEvery }) => accessCheckEvery,
  },
  {
    values: /^spec\.objectives\.rpo$/,
    path: ['objectives', 'rpo'],
    valueOf: ({ objectives }) => formatDuration(objectives.rpoSeconds),
  },
  {
    values: /^spec\.objectives\.rto$/,
    path: ['objectives', 'rto'],
    valueOf: ({ objectives }) => formatDuration(objectives.rtoSeconds),
  },
  { values: /(^spec|\])\.retention\.keep$/, path: ['retention', 'keep'], valueOf: ({ keep }) => keep },
];

/** Blocks that are in force though nobody wrote them. */
const ALWAYS = /^spec\.(sync\[\d+\]\.(guards|guards\.maxDelete|verify)|backup\[\d+\]\.verify)$/;
/** The same, once there are snapshots. */
const WITH_BACKUP = /^spec\.(objectives|restoreTest|accessCheck)$/;
/** A sync has an age, which is held against the RPO. */
const WITH_SYNC = /^spec\.objectives$/;

class Resolver {
  readonly #document: LoadedDocument;
  readonly #folder: PolicyFolder;
  readonly #found: ResolvedValue[] = [];

  constructor(document: LoadedDocument, folder: PolicyFolder) {
    this.#document = document;
    this.#folder = folder;
  }

  values(): ResolvedValue[] {
    const { metadata, spec } = this.#document.content as { metadata: unknown; spec: unknown };
    const root = rootSchema(this.#document.kind).properties ?? {};
    this.#visit(root['metadata'] ?? {}, metadata, ['metadata']);
    this.#visit(root['spec'] ?? {}, spec, ['spec']);
    return this.#found;
  }

  #visit(given: SchemaNode, value: unknown, path: DocumentPath): void {
    const node = followReference(given);
    if (value === undefined || value === 'class') {
      const ofClass = this.#ofClass(path);
      if (ofClass !== undefined) return this.#addAll(ofClass.value, path, ofClass.from);
    }
    if (value === undefined) {
      if (node.default !== undefined) this.#addAll(node.default, path, { kind: 'built-in' });
      else if (this.#isImplied(path)) this.#visitKeys(node, {}, path);
    } else if (Array.isArray(value) && followReference(node.items ?? {}).type === 'object') {
      for (const [index, item] of value.entries()) this.#visit(node.items!, item, [...path, index]);
    } else if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      this.#visitKeys(objectBranch(node), value as Record<string, unknown>, path);
    } else {
      this.#found.push({ path, value, from: { kind: 'file', ...lineOf(this.#document, path) } });
    }
  }

  #visitKeys(node: SchemaNode, value: Record<string, unknown>, path: DocumentPath): void {
    const properties = node.properties ?? {};
    for (const [key, child] of Object.entries(properties)) {
      if (value[key] === undefined && isIdle(key, value, path)) continue;
      if (key === 'timezone' && value[key] === undefined && path[0] === 'spec') this.#addTimezone(value, path);
      else this.#visit(child, value[key], [...path, key]);
    }
    const free = typeof node.additionalProperties === 'object' ? node.additionalProperties : undefined;
    if (free !== undefined)
      for (const [key, member] of Object.entries(value)) this.#visit(free, member, [...path, key]);
  }

  /** A zone matters to local times alone. */
  #addTimezone(block: Record<string, unknown>, path: DocumentPath): void {
    if (block['at'] === undefined && block['cron'] === undefined) return;
    const { project } = this.#folder;
    const written = project?.content.spec?.timezone;
    const from: Origin =
      project === undefined || written === undefined
        ? { kind: 'built-in' }
        : { kind: 'file', ...lineOf(project, ['spec', 'timezone']), document: `Project/${project.name}` };
    this.#found.push({ path: [...path, 'timezone'], value: projectTimezone(this.#folder), from });
  }

  /** A value of more parts is told part by part. */
  #addAll(value: unknown, path: DocumentPath, from: Origin): void {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      this.#found.push({ path, value, from });
      return;
    }
    for (const [key, member] of Object.entries(value)) this.#addAll(member, [...path, key], from);
  }

  #isImplied(path: DocumentPath): boolean {
    if (this.#document.kind !== 'Policy') return false;
    const { backup = [], sync = [] } = (this.#document.content as Policy).spec;
    const text = pathText(path);
    return (
      ALWAYS.test(text) || (backup.length > 0 && WITH_BACKUP.test(text)) || (sync.length > 0 && WITH_SYNC.test(text))
    );
  }

  #ofClass(path: DocumentPath): { value: unknown; from: Origin } | undefined {
    const found = OF_CLASS.find(({ values }) => values.test(pathText(path)));
    if (found === undefined || this.#document.kind !== 'Policy') return undefined;
    const name = (this.#document.content as Policy).spec.importance ?? DEFAULT_CLASS;
    const { project } = this.#folder;
    return {
      value: found.valueOf(classSettings(name, project?.content)),
      from: originOfClass(name, project, found.path),
    };
  }
}

function originOfClass(name: string, project: LoadedDocument<Project> | undefined, path: DocumentPath): Origin {
  let written: unknown = project?.content.spec?.importance?.[name];
  for (const step of path) written = (written as Record<string, unknown> | undefined)?.[step];
  if (project !== undefined && written !== undefined)
    return { kind: 'class', class: name, ...lineOf(project, ['spec', 'importance', name, ...path]) };
  return { kind: 'class', class: name, builtIn: Object.hasOwn(BUILT_IN_CLASSES, name) ? name : DEFAULT_CLASS };
}

/** What has a default that matters to nobody here: cron takes the place of an interval, and a script alone takes time. */
function isIdle(key: string, block: Record<string, unknown>, path: DocumentPath): boolean {
  if (key === 'every') return block['cron'] !== undefined;
  return key === 'timeout' && path.at(-2) === 'assert' && block['script'] === undefined;
}

function lineOf(document: LoadedDocument, path: DocumentPath): { file: string; line: number } {
  const { file, line } = document.mark(path);
  return { file, line };
}
