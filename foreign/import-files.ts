/** Turns configuration files of other backup programs into policies: what each is, is told by its content. */
import { HoldfastError } from '../common/errors.ts';
import { absolutePath } from '../common/paths.ts';
import { importAutorestic } from './autorestic.ts';
import { importBorgmatic } from './borgmatic.ts';
import { DraftFolder, type DraftDocument } from './drafts.ts';
import { ImportNotes, type ImportNote } from './import-notes.ts';
import { parseSource } from './parse-source.ts';
import { writeOutTemplates } from './resticprofile-templates.ts';
import { isSelfContained, joinRoots } from './resticprofile-profiles.ts';
import { importResticprofile } from './resticprofile.ts';
import { isSourceMap, type SourceMap } from './source-node.ts';

export const IMPORTABLE = ['resticprofile', 'autorestic', 'borgmatic'] as const;
export type Importable = (typeof IMPORTABLE)[number];

export interface ImportFile {
  /** As the person named it. */
  file: string;
  /** Absolute. */
  path: string;
  text: string;
}

export interface ImportSurroundings {
  home: string;
  timezone: string;
  isFile(path: string): boolean;
  /** Instead of what the content tells. */
  from?: Importable | undefined;
}

export interface Imported {
  /** What each file was taken for. */
  files: { file: string; program: Importable }[];
  documents: DraftDocument[];
  notes: ImportNote[];
}

/** Throws Usage, with file and line, for a file that cannot be read or is of none of the programs. */
export async function importFiles(files: readonly ImportFile[], surroundings: ImportSurroundings): Promise<Imported> {
  const folder = new DraftFolder();
  const notes = new ImportNotes();
  const told: Imported['files'] = [];
  const sources: Source[] = [];
  for (const { file, path, text } of files) {
    const plain = writeOutTemplates(file, text);
    const root = await parseSource(file, plain.text, plain.lineInFile);
    const program = surroundings.from ?? detect(root);
    told.push({ file, program });
    sources.push({ path, root, program });
  }
  for (const { path, root, program } of joinProfiles(sources)) {
    const context = { ...surroundings, directory: absolutePath(path, '..'), folder, notes };
    if (program === 'resticprofile') importResticprofile(root, context);
    else if (program === 'autorestic') importAutorestic(root, context);
    else importBorgmatic(root, nameOfFile(path), context);
  }
  return { files: told, documents: folder.documents, notes: notes.all() };
}

interface Source {
  path: string;
  root: SourceMap;
  program: Importable;
}

/** Files of resticprofile that refer to each other are one configuration, and its paths begin at the first of them. */
function joinProfiles(sources: readonly Source[]): Source[] {
  const profiles = sources.filter(({ program }) => program === 'resticprofile');
  const [first] = profiles;
  if (first === undefined || !profiles.some(({ root }) => root.value.has('includes') || !isSelfContained(root)))
    return [...sources];
  const root = joinRoots(profiles.map((source) => source.root));
  return [{ ...first, root }, ...sources.filter((source) => !profiles.includes(source))];
}

function detect(root: SourceMap): Importable {
  const has = (key: string): boolean => root.value.has(key);
  const location = root.value.get('location');
  if (
    has('source_directories') ||
    has('repositories') ||
    (isSourceMap(location) && location.value.has('source_directories'))
  )
    return 'borgmatic';
  if (has('backends') && has('locations')) return 'autorestic';
  const isProfile = (node: unknown): boolean =>
    isSourceMap(node as SourceMap) &&
    ['backup', 'repository', 'inherit', 'retention', 'password-file'].some((key) => (node as SourceMap).value.has(key));
  if (has('profiles') || [...root.value.values()].some(isProfile)) return 'resticprofile';
  throw new HoldfastError('Usage', `${root.file} is none of the files that can be imported`, {
    hint: `say what it is: --from ${IMPORTABLE.join(', --from ')}`,
  });
}

/** `config.yaml` says nothing; its folder may. */
function nameOfFile(path: string): string {
  const [file = '', folder = ''] = path.split('/').toReversed();
  const name = file.replace(/\.[^.]*$/, '');
  if (name !== 'config' && name !== 'borgmatic') return name;
  return ['borgmatic', 'borgmatic.d', 'etc', ''].includes(folder) || folder.startsWith('.') ? 'files' : folder;
}
