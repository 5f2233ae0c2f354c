/** The house's rules that a machine can keep: who imports whom (read from ARCHITECTURE.md), names, sizes, purity. */
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { findImports, listSourceFiles, PROJECT_FOLDER, readSource } from './source-files.ts';

interface Rule {
  /** `domain/`, or a file of the root. */
  folder: string;
  mayImport: string[] | 'anything';
  typesOnly: string[];
  why: string;
}

const ROOT_FILES = [
  ...['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'LICENSE', 'worker.ts', 'vitest.config.ts'],
  ...['package.json', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json'],
];
const GENERATED = ['schemas/types.ts', 'schemas/validators.ts'];
const MAX_LINES = 400;

const files = listSourceFiles();
const modules = files.filter((file) => file.endsWith('.ts'));
const rules = parseRules(readSource('ARCHITECTURE.md'));

describe('the table of imports in ARCHITECTURE.md', () => {
  it('names every folder that holds code', () => {
    const folders = new Set(modules.filter((file) => file.includes('/')).map(topOf));
    expect([...folders].filter((folder) => ruleOf(folder) === undefined)).toEqual([]);
    expect(rules.length).toBeGreaterThan(10);
  });

  it('is obeyed by every import', () => {
    expect(modules.flatMap((file) => findImports(readSource(file)).flatMap((found) => judge(file, found)))).toEqual([]);
  });

  it('is what the linter keeps, too', () => {
    const config = JSON.parse(readSource('.oxlintrc.json')) as { overrides: { files: string[] }[] };
    const covered = new Set(config.overrides.flatMap((override) => override.files).map((glob) => glob.split('*')[0]));
    const restricted = rules.filter((rule) => rule.mayImport !== 'anything').map((rule) => rule.folder);
    expect(restricted.filter((folder) => !covered.has(folder))).toEqual([]);
  });

  it('would be broken visibly', () => {
    const broken = judge('domain/x.ts', { specifier: '../repository/pack.ts', typeOnly: true });
    expect(broken).toEqual([expect.stringContaining('domain/x.ts imports ../repository/pack.ts, but domain/ decides')]);
    expect(judge('domain/x.ts', { specifier: '../schemas/types.ts', typeOnly: true })).toEqual([]);
    expect(judge('domain/x.ts', { specifier: '../schemas/types.ts', typeOnly: false })).toHaveLength(1);
    expect(judge('repository/x.ts', { specifier: '../storage/storage.ts', typeOnly: false })).toEqual([]);
    expect(judge('repository/x.ts', { specifier: '../storage/local.ts', typeOnly: false })).toHaveLength(1);
    expect(judge('domain/x.ts', { specifier: 'node:fs', typeOnly: true })).toHaveLength(1);
    expect(judge('activities/backup.ts', { specifier: '@temporalio/activity', typeOnly: false })).toHaveLength(1);
    expect(judge('activities/index.ts', { specifier: '@temporalio/activity', typeOnly: false })).toEqual([]);
  });
});

describe('the house', () => {
  it('keeps its root small: no src/, nothing but the known files', () => {
    const atRoot = files.filter((file) => !file.includes('/') && !file.startsWith('.'));
    expect(atRoot.filter((file) => !ROOT_FILES.includes(file))).toEqual([]);
    expect(files.filter((file) => file.startsWith('src/'))).toEqual([]);
  });

  it('has file names in kebab-case that say what is inside', () => {
    const names = modules.map((file) => path.basename(file));
    expect(names.filter((name) => !/^[a-z0-9]+(-[a-z0-9]+)*(\.(test|config|d))?\.ts$/.test(name))).toEqual([]);
    expect(names.filter((name) => /\b(utils?|helpers?|manager|service|misc)\b/.test(name))).toEqual([]);
  });

  it('has a sentence at the top of every module (the titles of tests are theirs)', () => {
    const withoutSentence = modules.filter(
      (file) => !GENERATED.includes(file) && !/^(\/\*\*?\s( \* )?|\/\/ )\S/.test(readSource(file)),
    );
    expect(withoutSentence.filter((file) => !/\.(config|test)\.ts$/.test(file))).toEqual([]);
  });

  it('has no module that has grown into two', () => {
    const tooLong = modules.filter(
      (file) => !GENERATED.includes(file) && readSource(file).split('\n').length > MAX_LINES,
    );
    expect(tooLong).toEqual([]);
  });

  it('decides without a clock and without chance in domain/ and common/', () => {
    const impure = /\bnew Date\(\)|\bDate\.now\b|\bMath\.random\b|\bprocess\.|\bperformance\.now\b/;
    const pure = modules.filter((file) => file.startsWith('domain/') || file.startsWith('common/'));
    expect(pure.filter((file) => impure.test(withoutComments(readSource(file))))).toEqual([]);
  });

  it('tells nothing of the machine it was written on', () => {
    const text = files.filter((file) => /\.(ts|js|json|md|yaml|yml|sh)$|^\.(ci|npmrc|git)/.test(file));
    expect(text.filter((file) => readSource(file).includes(PROJECT_FOLDER))).toEqual([]);
    expect(readSource('package-lock.json')).not.toMatch(/"resolved": "http/);
  });
});

/** What is wrong with one import, as a sentence with the rule's reason; nothing when it is allowed. */
function judge(file: string, { specifier, typeOnly }: { specifier: string; typeOnly: boolean }): string[] {
  const rule = ruleOf(topOf(file));
  if (rule === undefined || rule.mayImport === 'anything') return [];
  const refuse = (why: string): string[] => [`${file} imports ${specifier}, but ${rule.folder} ${why}`];
  if (!specifier.startsWith('.')) return judgePackage(file, specifier).flatMap(refuse);
  const target = path.posix.join(path.posix.dirname(file), specifier);
  const covers = (allowed: string): boolean =>
    target === allowed || (allowed.endsWith('/') && target.startsWith(allowed));
  if (covers(rule.folder) || rule.mayImport.some(covers)) return [];
  if (!rule.typesOnly.some(covers)) return refuse(rule.why);
  return typeOnly ? [] : refuse(`may have only types from there (import type): ${rule.why}`);
}

/** Why a folder may not have a package or a module of Node. */
function judgePackage(file: string, specifier: string): string[] {
  const folder = topOf(file);
  if (folder === 'common/') return ['imports nothing, so that every folder may import it'];
  if (['domain/', 'workflows/'].includes(folder) && specifier.startsWith('node:')) {
    return ['is bundled into workflows, where the modules of Node do not exist'];
  }
  if (!specifier.startsWith('@temporalio/')) {
    return folder === 'workflows/' ? ['is bundled and replayed: of packages only those of Temporal'] : [];
  }
  const knowsTemporal = folder === 'engine/' || ['activities/index.ts', 'activities/to-failure.ts'].includes(file);
  if (folder === 'workflows/') return /\/(workflow|common)$/.test(specifier) ? [] : ['runs in a sandbox'];
  return knowsTemporal
    ? []
    : ['works with the engine down: only engine/, workflows/ and two activity files know Temporal'];
}

function ruleOf(top: string): Rule | undefined {
  return rules.find((rule) => rule.folder === top);
}

/** `domain/` of `domain/x.ts`; the file itself at the root. */
function topOf(file: string): string {
  const slash = file.indexOf('/');
  return slash === -1 ? file : file.slice(0, slash + 1);
}

/** The rows of the table with the columns: folder, may import, types only, why. */
function parseRules(document: string): Rule[] {
  const table = document.slice(document.indexOf('| folder | may import | types only | why |'));
  return [...table.matchAll(/^\| `([^`]+)` \|([^|]*)\|([^|]*)\|([^|]*)\|$/gm)].map(
    ([, folder, mayImport, typesOnly, why]) => ({
      folder: folder ?? '',
      mayImport: mayImport?.trim() === 'anything' ? 'anything' : quoted(mayImport),
      typesOnly: quoted(typesOnly),
      why: why?.trim() ?? '',
    }),
  );
}

function quoted(cell: string | undefined): string[] {
  return [...(cell ?? '').matchAll(/`([^`]+)`/g)].map(([, name]) => name ?? '');
}

function withoutComments(source: string): string {
  return source.replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
}
