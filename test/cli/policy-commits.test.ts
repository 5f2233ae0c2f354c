import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, realpath, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { checkPolicies } from '../../cli/check-policies.ts';
import { openCommit } from '../../cli/committed-policies.ts';
import { parseStatus, readPolicySource } from '../../cli/git.ts';

let directory: string;

beforeEach(async () => {
  directory = await realpath(await mkdtemp(join(tmpdir(), 'holdfast-git-')));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const IDENTITY = ['-c', 'user.name=Alice', '-c', 'user.email=alice@acme.example', '-c', 'protocol.file.allow=always'];
const git = (...args: string[]): string => gitIn('.', ...args);
const gitIn = (folder: string, ...args: string[]): string =>
  execFileSync('git', [...IDENTITY, ...args], { cwd: join(directory, folder), encoding: 'utf8', stdio: 'pipe' }).trim();

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(join(directory, path)), { recursive: true });
  await writeFile(join(directory, path), text);
}

function policy(name: string, rest = ''): string {
  return `apiVersion: holdfast/v1
kind: Policy
metadata: { name: ${name} }
spec:
  source: { directory: /srv/${name}, excludeFile: [../lists/${name}.txt] }
  sync: [{ to: standby, path: ${name}, mode: mirror }]
${rest}`;
}

const LOCATION = `apiVersion: holdfast/v1
kind: Location
metadata: { name: standby }
spec: { local: { path: ../standby } }
`;

/** Two policies with their lists of patterns, committed and tagged `v1`. */
async function makeRepository(folder = '.'): Promise<void> {
  for (const name of ['orders', 'scans']) {
    await write(`${folder}/policies/${name}.yaml`, policy(name));
    await write(`${folder}/lists/${name}.txt`, `${name}.tmp\n`);
  }
  await write(`${folder}/policies/location.yml`, LOCATION);
  gitIn(folder, 'init', '-q');
  gitIn(folder, 'add', '.');
  gitIn(folder, 'commit', '-qm', 'Protect orders and scans');
  gitIn(folder, 'tag', 'v1');
}

async function sourceOf(...paths: string[]) {
  const { read } = await checkPolicies(directory, paths);
  return readPolicySource(paths, directory, process.env, read);
}

async function committed(ref: string, ...paths: string[]) {
  const reader = await openCommit(ref, paths, { directory, environment: process.env });
  const { compiled, problems, read } = await checkPolicies(directory, paths, reader);
  expect(problems).toEqual([]);
  const syncs = compiled!.actions.flatMap(({ settings }) => (settings.kind === 'sync' ? [settings] : []));
  return {
    commit: reader.commit,
    read,
    exclude: syncs.map(({ source }) => source.exclude),
    to: syncs[0]?.to,
    compiled,
  };
}

test('what is committed is named by the last commit that touched the policies, or what they name', async () => {
  await makeRepository();
  const first = git('rev-parse', 'HEAD');
  await write('README.md', 'hello');
  git('add', '.');
  git('commit', '-qm', 'Write a readme');
  expect(await sourceOf('policies')).toEqual({
    commit: {
      hash: first,
      author: 'Alice <alice@acme.example>',
      committedAt: expect.any(String),
      subject: 'Protect orders and scans',
      dirty: false,
    },
    uncommitted: [],
  });
  await write('lists/scans.txt', '*.bak\n');
  git('commit', '-qam', 'Leave out old scans');
  expect((await sourceOf('policies')).commit.subject).toBe('Leave out old scans');
});

const CHANGES: [title: string, change: () => Promise<unknown> | unknown, uncommitted: string[]][] = [
  [
    'a changed policy',
    () => write('policies/orders.yaml', policy('orders', '  importance: high\n')),
    ['policies/orders.yaml'],
  ],
  [
    'a new policy',
    () => write('policies/new.yaml', policy('orders2', '').replace('orders2.txt', 'orders.txt')),
    ['policies/new.yaml'],
  ],
  ['a removed policy', () => rm(join(directory, 'policies/scans.yaml')), ['policies/scans.yaml']],
  ['a renamed policy', () => git('mv', 'policies/scans.yaml', 'policies/a.yaml'), ['policies/a.yaml']],
  [
    'a policy that was moved without git',
    () => rename(join(directory, 'policies/scans.yaml'), join(directory, 'policies/a.yaml')),
    ['policies/scans.yaml', 'policies/a.yaml'],
  ],
  ['a list of patterns beside the policies', () => write('lists/orders.txt', '*.bak\n'), ['lists/orders.txt']],
  [
    'a list that is not in git',
    async () => {
      await write('policies/orders.yaml', policy('orders').replace('orders.txt', 'new.txt'));
      git('commit', '-qam', 'Name another list');
      await write('lists/new.txt', '*.bak\n');
    },
    ['lists/new.txt'],
  ],
  [
    'a policy that git ignores',
    async () => {
      await write('.git/info/exclude', 'local.yaml\n');
      await write('policies/local.yaml', LOCATION.replace('standby', 'local'));
    },
    ['policies/local.yaml'],
  ],
  [
    'a change that git was told not to see',
    async () => {
      git('update-index', '--assume-unchanged', 'policies/orders.yaml');
      await write('policies/orders.yaml', policy('orders', '  importance: high\n'));
    },
    ['policies/orders.yaml'],
  ],
  [
    'a link to a file outside of git',
    async () => {
      const elsewhere = join(await realpath(await mkdtemp(join(tmpdir(), 'holdfast-elsewhere-'))), 'list.txt');
      await writeFile(elsewhere, '*.bak\n');
      await rm(join(directory, 'lists/orders.txt'));
      await symlink(elsewhere, join(directory, 'lists/orders.txt'));
      git('add', '.');
      git('commit', '-qm', 'Link the list');
    },
    [expect.stringMatching(/holdfast-elsewhere-.*\/list\.txt$/)],
  ],
];
for (const [title, change, uncommitted] of CHANGES)
  test(`not committed: ${title}`, async () => {
    await makeRepository();
    await change();
    const source = await sourceOf('policies');
    expect(source.uncommitted.toSorted()).toEqual(uncommitted.toSorted());
    expect(source).toMatchObject({ commit: { dirty: true } });
    expect(source.outside).toBeUndefined();
  });

test('policies behind a link, and in a submodule, are named by their own commit', async () => {
  await makeRepository('inner');
  await symlink(join(directory, 'inner', 'policies'), join(directory, 'policies'));
  expect(await sourceOf('policies')).toMatchObject({ commit: { subject: 'Protect orders and scans', dirty: false } });

  await mkdir(join(directory, 'outer'));
  gitIn('outer', 'init', '-q');
  gitIn('outer', 'submodule', 'add', '-q', join(directory, 'inner'), 'team');
  gitIn('outer', 'commit', '-qm', 'Take in the team');
  // Seen from the outer repository, it names its own commit, and what the submodule has not committed counts.
  expect(await sourceOf('outer')).toMatchObject({ commit: { subject: 'Take in the team', dirty: false } });
  expect(await sourceOf('outer/team/policies')).toMatchObject({ commit: { subject: 'Protect orders and scans' } });
  await write('outer/team/lists/orders.txt', '*.bak\n');
  expect(await sourceOf('outer')).toMatchObject({ uncommitted: ['team'] });
  expect(await sourceOf('outer/team/policies')).toMatchObject({ uncommitted: ['lists/orders.txt'] });
  await expect(committed('HEAD', 'outer')).rejects.toThrow('team is a submodule, whose files the commit does not hold');
  expect((await committed('v1', 'outer/team/policies')).exclude).toEqual([['orders.tmp'], ['scans.tmp']]);
});

test('outside of git there is no commit', async () => {
  await write('policies/location.yaml', LOCATION);
  expect(await sourceOf('policies')).toMatchObject({
    outside: 'the folder is in no git repository',
    commit: { dirty: true },
  });
  git('init', '-q');
  expect(await sourceOf('policies')).toMatchObject({
    outside: expect.stringContaining('does not have any commits yet'),
  });
  await expect(committed('v1', 'policies')).rejects.toThrow(/has no commit "v1"/);
});

test('a commit is read as if it lay in the work tree, with what its policies name, and nothing of the work tree is', async () => {
  await makeRepository();
  const hash = git('rev-parse', 'HEAD');
  await rm(join(directory, 'policies'), { recursive: true });
  await write('lists/orders.txt', 'not this\n');
  const before = git('status', '--porcelain');
  for (const ref of ['v1', hash, hash.slice(0, 10), 'HEAD']) {
    const { commit, exclude, to, read } = await committed(ref, 'policies');
    expect(commit).toMatchObject({ hash, ref, author: 'Alice <alice@acme.example>', dirty: false });
    expect(exclude).toEqual([['orders.tmp'], ['scans.tmp']]);
    expect(to).toMatchObject({ local: { path: join(directory, 'standby') } });
    expect(read).toContain(join(directory, 'lists/orders.txt'));
  }
  expect(git('status', '--porcelain')).toBe(before);
  await expect(committed('--output=x', 'policies')).rejects.toThrow('has no commit "--output=x"');
  await expect(committed('v1', 'elsewhere')).rejects.toThrow('there is no policy file or folder elsewhere');
});

test('an annotated tag, a single file, links in the commit and what the commit lacks', async () => {
  await makeRepository();
  await symlink('../lists', join(directory, 'policies', 'lists'));
  await symlink('orders.yaml', join(directory, 'policies', 'link.yaml'));
  await rm(join(directory, 'policies/scans.yaml'));
  await write('policies/orders.yaml', policy('orders').replace('../lists', 'lists'));
  git('add', '.');
  git('commit', '-qm', 'Link');
  git('tag', '-am', 'release', 'v2');
  const wanted = ['policies/link.yaml', 'policies/location.yml'];
  const { commit, exclude } = await committed('v2', ...wanted);
  expect(commit).toMatchObject({ hash: git('rev-parse', 'HEAD'), subject: 'Link', ref: 'v2' });
  expect(exclude).toEqual([['orders.tmp']]);
  git('rm', '-q', 'lists/orders.txt');
  git('commit', '-qm', 'Lose the list');
  await write('lists/orders.txt', 'in the work tree alone\n');
  const reader = await openCommit('HEAD', wanted, { directory, environment: process.env });
  const { problems } = await checkPolicies(directory, wanted, reader);
  expect(problems).toMatchObject([{ message: expect.stringContaining('lists/orders.txt does not exist') }]);
});

test('renames of git status are one file, under its new name', () => {
  expect(parseStatus('R  new.yaml\0old.yaml\0 M a b.yaml\0?? c.yaml\0')).toEqual(['new.yaml', 'a b.yaml', 'c.yaml']);
});
