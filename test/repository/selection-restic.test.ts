import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { afterAll, beforeAll, expect } from 'vitest';
import { discardWrites } from '../../cli/discard-writes.ts';
import type { ByteString } from '../../common/byte-string.ts';
import { toBytes } from '../../files/byte-path.ts';
import { readPatternFile } from '../../files/pattern-file.ts';
import { compilePatterns, findMalformedPatterns } from '../../files/patterns.ts';
import { archive } from '../../repository/archive.ts';
import type { ArchivedEntry } from '../../repository/archive-report.ts';
import { initRepository } from '../../repository/init-repository.ts';
import { openRepository } from '../../repository/open-repository.ts';
import type { Repository } from '../../repository/repository.ts';
import { openLocalStorage } from '../../storage/local.ts';
import { requirePeer } from '../peers.ts';

const restic = requirePeer('restic');
const run = promisify(execFile);

const TREES = 10;
const CASES_PER_TREE = 21;
const PASSWORD = 'geheim';
/** For files of patterns. */
const VARIABLES: Record<string, string> = { ONE: 'a', GLOB: '*.tmp', PART: 'b/', NOTHING: '' };

interface TreeFile {
  components: string[];
  content: string;
}

/** As a person would give it to both programs. */
interface Selection {
  exclude: string[];
  iexclude: string[];
  excludeFile: string;
  iexcludeFile: string;
  excludeIfPresent: string[];
  excludeCaches: boolean;
  excludeLargerThanBytes: number | undefined;
}

// One character a byte, so that one of them is not UTF-8.
const NAMES = ['a', 'b', 'A', 'ab', '.hidden', 'x.tmp', 'X.TMP', 'cache', 'Cache', ' s', '!x', '#x', '$ONE', '[a]'];
const ODD_NAMES = ['a*b', 'a\\b', 'caf\xe9', ...['ü', 'Ü', 'ß', 'Σ', 'ς', 'İ', '日本'].map(latin1)];
const MARKERS = ['.skip', 'CACHEDIR.TAG'];

const name = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(...NAMES) },
  { weight: 2, arbitrary: fc.constantFrom(...ODD_NAMES) },
);
const content = fc.constantFrom(
  '',
  'yes',
  'no',
  'Signature: 8a477f597d28d172789f06886806bc55',
  'x'.repeat(1024),
  'x'.repeat(1025),
);
const treeFile: fc.Arbitrary<TreeFile> = fc.record({
  components: fc
    .tuple(
      fc.array(name, { minLength: 0, maxLength: 3 }),
      fc.oneof({ weight: 6, arbitrary: name }, { weight: 1, arbitrary: fc.constantFrom(...MARKERS) }),
    )
    .map(([folders, last]) => [...folders, last]),
  content,
});
const tree = fc.array(treeFile, { minLength: 25, maxLength: 45 });

const component = fc.oneof(
  { weight: 5, arbitrary: name.map((text) => Buffer.from(text, 'latin1').toString('utf8')) },
  {
    weight: 4,
    arbitrary: fc.constantFrom('*', '**', '?', '??', '*.tmp', '*.*', 'a*', '*b', '[ab]', '[^ab]', '[a-c]*'),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom('\\[a\\]', 'a\\*b', '[[]a]', '[ß-ü]', '?x', '*\\x', '.', '..', '', '\\a', '[\\]a]*'),
  },
);
const relative = fc.array(component, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));

function patterns(source: string): fc.Arbitrary<string> {
  const positive = fc.oneof(
    { weight: 5, arbitrary: relative },
    { weight: 3, arbitrary: relative.map((text) => `${source}/${text}`) },
    { weight: 1, arbitrary: relative.map((text) => `/**/${text}`) },
    { weight: 1, arbitrary: relative.map((text) => `${text}/`) },
  );
  return fc.tuple(fc.nat(3), positive).map(([kind, text]) => (kind === 0 ? `!${text}` : text));
}

function selections(source: string): fc.Arbitrary<Selection> {
  const list = fc.array(patterns(source), { maxLength: 4 });
  const line = fc.oneof(
    { weight: 4, arbitrary: patterns(source) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        '# a',
        '',
        '  ',
        '\t*.tmp \r',
        '$ONE',
        '${GLOB}',
        '*/${PART}x.tmp',
        '$$ONE',
        '$NOTHING',
        '!$ONE',
        'a$',
      ),
    },
  );
  const file = fc.oneof(
    { weight: 2, arbitrary: fc.constant('') },
    {
      weight: 1,
      arbitrary: fc.array(line, { maxLength: 4 }).map((lines) => lines.map((text) => `${text}\n`).join('')),
    },
  );
  return fc.record({
    exclude: list,
    iexclude: fc.oneof({ weight: 2, arbitrary: fc.constant<string[]>([]) }, { weight: 1, arbitrary: list }),
    excludeFile: file,
    iexcludeFile: file,
    excludeIfPresent: fc.subarray(['.skip', '.skip:yes', 'a', 'b:no'], { maxLength: 2 }),
    excludeCaches: fc.boolean(),
    excludeLargerThanBytes: fc.constantFrom(undefined, undefined, 1024),
  });
}

let folder: string;
let vault: string;
let repository: Repository;

beforeAll(async () => {
  folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'holdfast-selection-')));
  vault = path.join(folder, 'vault');
  writeFileSync(path.join(folder, 'password'), PASSWORD, { mode: 0o600 });
  await (await initRepository(openLocalStorage(vault), PASSWORD, { kdf: { N: 1024, r: 8, p: 1 } })).close();
  repository = await openRepository(discardWrites(openLocalStorage(vault)), PASSWORD);
});

afterAll(async () => {
  await repository.close();
  rmSync(folder, { recursive: true, force: true });
});

restic.it(
  'holdfast and restic choose the same files and folders of generated trees',
  async () => {
    let cases = 0;
    let excluded = 0;
    for (const [index, files] of fc.sample(tree, { numRuns: TREES, seed: 41 }).entries()) {
      const source = path.join(folder, `tree-${index}`);
      for (const file of files) writeTreeFile(source, file);
      const all = (await chosenByUs(source, NOTHING)).length;
      const fitting = fc
        .sample(selections(source), { numRuns: CASES_PER_TREE * 3, seed: 43 + index })
        .filter((selection) => isComparable(source, selection))
        .slice(0, CASES_PER_TREE);
      const lanes = [0, 1].map(async (lane) => {
        for (const [number, selection] of fitting.entries()) {
          if (number % 2 !== lane) continue;
          const scratch = `${index}-${number}`;
          const theirs = await chosenByRestic(source, selection, scratch);
          const ours = await chosenByUs(source, selection);
          expect({ source, selection, chosen: ours }).toEqual({ source, selection, chosen: theirs });
          cases++;
          excluded += all - ours.length;
        }
      });
      await Promise.all(lanes);
    }
    expect(cases).toBe(TREES * CASES_PER_TREE);
    // The comparison would say nothing if the selections left nothing out, or everything.
    expect(excluded / cases).toBeGreaterThan(10);
  },
  600_000,
);

restic.it('holdfast and restic refuse the same patterns as malformed', async () => {
  const character = fc.constantFrom(...'[[[]]]\\\\^--*?ab!/ü'.split(''));
  const text = fc.array(character, { minLength: 1, maxLength: 7 }).map((characters) => characters.join(''));
  const candidates = [...new Set(fc.sample(text, { numRuns: 3000, seed: 47 }))];
  const flags = candidates.map((pattern) => `--exclude=${pattern}`);
  const { stderr } = await run(restic.command, [...base(), 'backup', '--dry-run', ...flags, folder], options()).catch(
    (error: { stderr: string }) => error,
  );
  const known = new Set(candidates);
  const refused = new Set(stderr.split('\n').filter((line) => known.has(line)));
  const malformed = new Set(findMalformedPatterns(candidates));
  expect(refused.difference(malformed)).toEqual(new Set());
  // restic tries a pattern on itself, which does not get beyond a backslash before a star; it would then fail at each
  // path that gets there, and exclude nothing of what the other patterns name.
  for (const pattern of malformed.difference(refused)) expect(pattern).toMatch(/\\.*\*/);
  expect(malformed.difference(refused).size).toBeLessThan(candidates.length / 100);
  expect(refused.size).toBeGreaterThan(500);
  expect(refused.size).toBeLessThan(candidates.length - 500);
});

restic.it('holdfast and restic keep to the file systems of the paths that are named', async () => {
  // Nothing need be mounted for this: /dev/shm is another file system than /dev.
  expect(statSync('/dev/shm').dev).not.toBe(statSync('/dev').dev);
  const inside = mkdtempSync('/dev/shm/holdfast-selection-');
  try {
    mkdirSync(path.join(inside, 'folder'));
    writeFileSync(path.join(inside, 'file'), '');
    const chosenIn = async (targets: string[]): Promise<string[]> => {
      const args = [...base(), '--json', '-vv', 'backup', '--dry-run', '--one-file-system', ...targets];
      const theirs = chosenItems((await run(restic.command, args, options())).stdout, '/dev');
      const ours: string[] = [];
      const settings = { exclude: [], excludeIfPresent: [], excludeCaches: false, oneFileSystem: true };
      const request = { source: { directories: targets, ...settings }, hostname: 'h', tags: [], time: new Date() };
      await archive(repository, { ...request, parent: 'none', acceptEmpty: true }, { onEntry: keep(ours, '/dev') });
      expect(ours.toSorted()).toEqual(theirs);
      return ours;
    };
    const alone = await chosenIn(['/dev']);
    expect(alone).toContain('/dev/shm/');
    expect(alone.filter((item) => item.startsWith(inside))).toEqual([]);
    const both = await chosenIn(['/dev', inside]);
    expect(both).toEqual(expect.arrayContaining([`${inside}/`, `${inside}/folder/`, `${inside}/file`]));
  } finally {
    rmSync(inside, { recursive: true });
  }
});

const NOTHING: Selection = {
  exclude: [],
  iexclude: [],
  excludeFile: '',
  iexcludeFile: '',
  excludeIfPresent: [],
  excludeCaches: false,
  excludeLargerThanBytes: undefined,
};

/** Older restics leave a target out that a pattern matches, newer ones and holdfast do not; malformed patterns are refused. */
function isComparable(source: string, selection: Selection): boolean {
  const { exclude, iexclude } = readSelection(selection);
  if (findMalformedPatterns([...exclude, ...iexclude]).length > 0) return false;
  const target = source as ByteString;
  return !compilePatterns(exclude).matches(target) && !compilePatterns(iexclude, { ignoreCase: true }).matches(target);
}

function readSelection(selection: Selection): { exclude: string[]; iexclude: string[] } {
  const read = (file: string): string[] => readPatternFile(Buffer.from(file), (variable) => VARIABLES[variable]);
  return {
    exclude: [...selection.exclude, ...read(selection.excludeFile)],
    iexclude: [...selection.iexclude, ...read(selection.iexcludeFile)],
  };
}

async function chosenByUs(source: string, selection: Selection): Promise<string[]> {
  const { excludeIfPresent, excludeCaches, excludeLargerThanBytes } = selection;
  const chosen: string[] = [];
  await archive(
    repository,
    {
      source: {
        directories: [source],
        ...readSelection(selection),
        excludeIfPresent,
        excludeCaches,
        ...(excludeLargerThanBytes !== undefined && { excludeLargerThanBytes }),
        oneFileSystem: false,
      },
      hostname: 'h',
      tags: [],
      time: new Date(),
      parent: 'none',
      workers: 1,
    },
    { onEntry: keep(chosen, source) },
  );
  return chosen.toSorted();
}

/** Collects what is in the snapshot, of the folder and below it. */
function keep(chosen: string[], folderPath: string): (entry: ArchivedEntry) => void {
  return (entry) => {
    if (entry.outcome !== 'excluded' && entry.path.startsWith(`${folderPath}/`)) chosen.push(utf8(entry.path));
  };
}

async function chosenByRestic(source: string, selection: Selection, scratch: string): Promise<string[]> {
  const file = (kind: string, text: string): string[] => {
    if (text === '') return [];
    const at = path.join(folder, `${kind}-${scratch}`);
    writeFileSync(at, text);
    return [`--${kind}-file`, at];
  };
  const flags = [
    ...selection.exclude.map((pattern) => `--exclude=${pattern}`),
    ...selection.iexclude.map((pattern) => `--iexclude=${pattern}`),
    ...file('exclude', selection.excludeFile),
    ...file('iexclude', selection.iexcludeFile),
    ...selection.excludeIfPresent.map((marker) => `--exclude-if-present=${marker}`),
    ...(selection.excludeCaches ? ['--exclude-caches'] : []),
    ...(selection.excludeLargerThanBytes === undefined
      ? []
      : [`--exclude-larger-than=${selection.excludeLargerThanBytes}`]),
  ];
  const args = [...base(), '--json', '-vv', 'backup', '--dry-run', '--force', ...flags, source];
  const { stdout } = await run(restic.command, args, options());
  return chosenItems(stdout, source);
}

function chosenItems(stdout: string, folderPath: string): string[] {
  return stdout
    .split('\n')
    .filter((line) => line.startsWith('{"message_type":"verbose_status"'))
    .map((line) => (JSON.parse(line) as { item: string }).item)
    .filter((item) => item.startsWith(`${folderPath}/`))
    .toSorted();
}

function base(): string[] {
  return ['--repo', vault, '--password-file', path.join(folder, 'password'), '--no-cache', '--no-lock'];
}

function options() {
  const env = { PATH: process.env['PATH'], HOME: folder, TMPDIR: folder, ...VARIABLES };
  return { env, encoding: 'utf8', maxBuffer: 1 << 26 } as const;
}

/** Where a folder and a file have the same name, the first one stays. */
function writeTreeFile(source: string, { components, content: text }: TreeFile): void {
  const bytes = toBytes([source, ...components].join('/') as ByteString);
  const parent = toBytes([source, ...components.slice(0, -1)].join('/') as ByteString);
  try {
    mkdirSync(parent, { recursive: true });
    writeFileSync(bytes, text);
  } catch (error) {
    if (!['EEXIST', 'ENOTDIR', 'EISDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}

function latin1(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

/** As Go's JSON shows it. */
function utf8(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('utf8');
}
