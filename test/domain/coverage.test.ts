import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ByteString } from '../../common/byte-string.ts';
import {
  CoverageSurvey,
  needsProtection,
  type CoverageGround,
  type CoverageItem,
  type CoverageLimits,
  type CoverageSource,
} from '../../domain/coverage.ts';

interface Tree {
  [name: string]: Tree | number;
}

interface Ground extends Partial<CoverageGround> {
  limits?: Partial<CoverageLimits>;
  /** Paths on another device. */
  mounted?: string[];
}

const text = (path: string): ByteString => path as ByteString;

function source(
  policy: string,
  directory: string,
  excluded: string[] = [],
  more: Partial<CoverageSource> = {},
): CoverageSource {
  return {
    policy,
    directory: text(directory),
    leavesOut: excluded.length > 0,
    excludes: (path) => excluded.includes(path),
    mayExcludeBelow: (path) => excluded.some((one) => one.startsWith(`${path}/`)),
    ...more,
  };
}

/** Walks a tree whose numbers are the sizes of files, as the real walk does: in byte order, and only where it is told to. */
function survey(root: string, tree: Tree, { limits, mounted = [], ...ground }: Ground = {}): CoverageItem[] {
  const survey = new CoverageSurvey(
    text(root),
    1n,
    { sources: [], whyIgnored: () => undefined, isSqlite: () => false, ...ground },
    { entries: Infinity, sourceDepth: 3, ...limits },
  );
  const walk = (folder: string, entries: Tree, device: bigint): void => {
    for (const name of Object.keys(entries).sort()) {
      const path = folder === '/' ? `/${name}` : `${folder}/${name}`;
      const entry = entries[name]!;
      const own = mounted.includes(path) ? 2n : device;
      const isFolder = typeof entry === 'object';
      const into = survey.visit({
        path: text(path),
        type: isFolder ? 'dir' : 'file',
        sizeBytes: isFolder ? 0 : entry,
        mtimeNs: BigInt(path.length),
        device: own,
      });
      if (isFolder && into) walk(path, entry, own);
    }
  };
  if (survey.isWorthLooking) walk(root, tree, 1n);
  return survey.finish();
}

const shown = (items: CoverageItem[]): string[] =>
  items.map(({ state, kind, path, files, sizeBytes, policies, isAtLeast }) =>
    [
      state,
      kind,
      path,
      ...(state === 'partial' || state === 'ignored' ? [] : [isAtLeast ? `>=${files}` : files, sizeBytes]),
      ...policies,
    ].join(' '),
  );

describe('what no policy protects', () => {
  test('is told at its highest folder, beside those that are protected in part', () => {
    const tree = {
      srv: { orders: { a: 1 }, mail: { x: { b: 2 }, y: { c: 3 } }, loose: 4 },
      home: { me: { d: 5 } },
      empty: {},
    };
    expect(shown(survey('/', tree, { sources: [source('orders', '/srv/orders')] }))).toEqual([
      'partial folder / orders',
      'unprotected folder /home 1 5',
      'partial folder /srv orders',
      'unprotected folder /srv/mail 2 5',
      'unprotected files /srv 1 4',
    ]);
  });

  test('is the root itself where there is no policy, and nothing where all is protected', () => {
    expect(shown(survey('/srv', { a: 1, b: { c: 2 } }))).toEqual(['unprotected folder /srv 2 3']);
    expect(shown(survey('/srv/orders/2026', { a: 1 }, { sources: [source('orders', '/srv/orders')] }))).toEqual([]);
    expect(shown(survey('/srv', { a: 1 }, { sources: [source('orders', '/srv')] }))).toEqual([]);
  });

  test('is not what a policy leaves out on purpose, unless somebody is strict; another policy may protect that', () => {
    const tree = { cache: { a: 1, deep: { b: 2 } }, data: { c: 3 } };
    const excluding = source('orders', '/srv', ['/srv/cache']);
    const items = survey('/srv', tree, { sources: [excluding] });
    expect(shown(items)).toEqual(['excluded folder /srv/cache 2 3 orders']);
    expect(items.map((item) => [needsProtection(item, false), needsProtection(item, true)])).toEqual([[false, true]]);
    expect(shown(survey('/srv', tree, { sources: [excluding, source('all', '/srv')] }))).toEqual([]);
    expect(shown(survey('/srv', tree, { sources: [excluding, source('deep', '/srv/cache/deep')] }))).toEqual([
      'partial folder /srv/cache deep',
      'excluded files /srv/cache 1 1 orders',
    ]);
    expect(shown(survey('/srv/cache/deep', { b: 2 }, { sources: [excluding] }))).toEqual([
      'excluded folder /srv/cache/deep 1 2 orders',
    ]);
  });

  test('is what lies on another file system, where a policy stays on one', () => {
    const staying = source('orders', '/srv', [], { device: 1n, leavesOut: true });
    const items = survey('/srv', { a: 1, disk: { b: 2 } }, { sources: [staying], mounted: ['/srv/disk'] });
    expect(shown(items)).toEqual(['unprotected folder /srv/disk 1 2']);
    expect(items[0]?.why).toContain('another file system than the source of orders');
  });

  test('is not what never needs it, with the reason; a policy may protect it all the same', () => {
    const whyIgnored = (path: ByteString): string | undefined => (path.endsWith('/tmp') ? 'temporary' : undefined);
    const tree = { tmp: { a: 1 }, srv: { tmp: { b: 2 }, c: 3 } };
    expect(survey('/', tree, { whyIgnored }).map(({ state, path, why }) => [state, path, why])).toEqual([
      ['unprotected', '/', undefined],
      ['ignored', '/srv/tmp', 'temporary'],
      ['ignored', '/tmp', 'temporary'],
    ]);
    expect(shown(survey('/', tree, { whyIgnored, sources: [source('orders', '/srv')] }))).toEqual([
      'partial folder / orders',
      'ignored folder /tmp',
    ]);
    // Whoever asks for it gets an answer.
    expect(shown(survey('/tmp', { a: 1 }, { whyIgnored }))).toEqual(['unprotected folder /tmp 1 1']);
  });

  test('names databases and volumes besides their folders, also those that are left out', () => {
    const tree = {
      pg: { PG_VERSION: 3, base: { '1': 8 }, global: { x: 1 } },
      mysql: { ibdata1: 12, mysql: { user: 1 } },
      maria: { aria_log_control: 1, ibdata1: 12, mysql: {} },
      app: { 'state.db': 1024, 'other.db': 1000, 'log.txt': 512 },
      docker: { volumes: { shop: { _data: { f: 7 } } } },
    };
    const isSqlite = (path: ByteString): boolean => path.endsWith('.db');
    const all = survey('/data', tree, { isSqlite });
    expect(
      all.flatMap(({ kind, path, database, sizeBytes }) =>
        kind === 'folder' ? [] : [[kind, path, database, sizeBytes]],
      ),
    ).toEqual([
      ['database', '/data/app/state.db', 'SQLite', 1024],
      ['volume', '/data/docker/volumes/shop/_data', undefined, 7],
      ['database', '/data/maria', 'MariaDB', 13],
      ['database', '/data/mysql', 'MySQL', 13],
      ['database', '/data/pg', 'PostgreSQL', 12],
    ]);
    const excluded = survey('/data', tree, { isSqlite, sources: [source('all', '/data', ['/data/app', '/data/pg'])] });
    expect(shown(excluded)).toEqual([
      'excluded folder /data/app 3 2536 all',
      'unprotected database /data/app/state.db 1 1024 all',
      'excluded folder /data/pg 3 12 all',
      'unprotected database /data/pg 3 12 all',
    ]);
  });

  test('is counted within limits, and said to be at least that; folders that lead to sources are told all the same', () => {
    const tree = { a: { b: { c: { d: 1 } }, e: 2 }, z: { q: 9, srv: {} } };
    const sources = [source('orders', '/z/srv')];
    expect(shown(survey('/', tree, { sources, limits: { depth: 2 } }))).toEqual([
      'partial folder / orders',
      'unprotected folder /a >=1 2',
      'partial folder /z orders',
      'unprotected files /z 1 9',
    ]);
    expect(shown(survey('/', tree, { sources, limits: { entries: 0 } }))).toEqual([
      'partial folder / orders',
      'unprotected folder /a >=0 0',
      'partial folder /z orders',
      'unprotected files /z 1 9',
    ]);
  });

  test('folders that are left out are looked for some levels deep, and further where a pattern leads', () => {
    const tree = { a: { b: { c: { d: { out: { f: 1 } } } } } };
    const blind = source('all', '/srv', ['/srv/a/b/c/d/out'], { mayExcludeBelow: () => false });
    expect(shown(survey('/srv', tree, { sources: [blind] }))).toEqual([]);
    expect(shown(survey('/srv', tree, { sources: [source('all', '/srv', ['/srv/a/b/c/d/out'])] }))).toEqual([
      'excluded folder /srv/a/b/c/d/out 1 1 all',
    ]);
  });
});

const tree: fc.Arbitrary<Tree> = fc.letrec<{ tree: Tree; entry: Tree | number }>((tie) => ({
  tree: fc.dictionary(fc.constantFrom('a', 'b', 'c', 'a-b'), tie('entry'), { maxKeys: 4 }),
  entry: fc.oneof({ depthSize: 'small' }, fc.integer({ min: 1, max: 9 }), tie('tree')),
})).tree;
const path = fc
  .array(fc.constantFrom('a', 'b', 'c', 'a-b'), { minLength: 1, maxLength: 3 })
  .map((parts) => `/${parts.join('/')}`);

test('every file is protected, or counted once, whatever the tree and the policies', () => {
  fc.assert(
    fc.property(tree, fc.array(fc.tuple(path, fc.array(path, { maxLength: 2 })), { maxLength: 3 }), (files, drawn) => {
      const sources = drawn.map(([directory, excluded], index) =>
        source(
          `p${index}`,
          directory,
          excluded.map((one) => directory + one),
        ),
      );
      const items = survey('/', files, { sources, limits: { sourceDepth: 99 } });
      const expected = { unprotected: 0, excluded: 0 };
      const within = (file: string, folder: string): boolean => file === folder || file.startsWith(`${folder}/`);
      const walk = (folder: string, entries: Tree): void => {
        for (const [name, entry] of Object.entries(entries)) {
          const file = `${folder}/${name}`;
          if (typeof entry === 'object') walk(file, entry);
          else {
            const above = drawn.filter(([directory]) => within(file, directory));
            const isKept = ([directory, excluded]: (typeof drawn)[number]): boolean =>
              !excluded.some((one) => within(folder, directory + one));
            if (!above.some(isKept)) expected[above.length > 0 ? 'excluded' : 'unprotected']++;
          }
        }
      };
      walk('', files);
      const counted = { unprotected: 0, excluded: 0 };
      for (const item of items)
        if (item.state === 'unprotected' || item.state === 'excluded') counted[item.state] += item.files;
      expect(counted).toEqual(expected);
      // None lies in another.
      const folders = items.flatMap((item) =>
        item.kind === 'folder' && (item.state === 'unprotected' || item.state === 'excluded') ? [item.path] : [],
      );
      for (const one of folders) for (const other of folders) expect(one !== other && within(one, other)).toBe(false);
    }),
    { seed: 6, numRuns: 1000 },
  );
});
