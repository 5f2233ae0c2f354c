import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createRepositoryFixture, type RepositoryFixture } from './repository-fixture.ts';

/** Backs up three files, and restores them into `back`, where then one is changed, one is removed and one is added. */
async function restoreAndChange(fixture: RepositoryFixture): Promise<{ source: string; back: string }> {
  const source = join(fixture.folder, 'source');
  mkdirSync(join(source, 'deep'), { recursive: true });
  for (const name of ['a.txt', 'deep/b.TXT', 'deep/c']) writeFileSync(join(source, name), `content of ${name}`);
  expect((await fixture.run(['backup', source])).status).toBe(0);
  expect((await fixture.run(['restore', `latest:${source}`, '-t', 'back'])).status).toBe(0);
  const back = join(fixture.folder, 'back');
  writeFileSync(join(back, 'a.txt'), 'changed');
  rmSync(join(back, 'deep/c'));
  writeFileSync(join(back, 'deep/extra'), 'extra');
  return { source, back };
}

test('--dry-run -vv says what would become of each entry, in words and as JSON, and changes nothing', async () => {
  await using fixture = await createRepositoryFixture();
  const { source, back } = await restoreAndChange(fixture);
  const args = ['restore', `latest:${source}`, '-t', 'back', '--overwrite', 'if-changed', '--delete', '--dry-run'];
  const { status, stdout } = await fixture.run([...args, '-vv']);
  expect(status).toBe(0);
  expect(stdout.split('\n').slice(0, -2).toSorted()).toEqual([
    'deleted   deep/extra, 5 B',
    'restored  deep/c, 17 B',
    'unchanged deep/',
    'unchanged deep/b.TXT',
    'updated   a.txt, 16 B',
  ]);
  expect(stdout).toMatch(
    /would restore 2 files and 1 folder, 33 B, to .*back; 1 of them in the place of others; 1 unchanged \(21 B\); 1 deleted\n$/,
  );
  const lines = (await fixture.run([...args, '--json', '-v'])).stdout.trim().split('\n');
  const documents = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(documents).toContainEqual({ message_type: 'verbose_status', action: 'updated', item: 'a.txt', size: 16 });
  expect(documents.at(-1)).toMatchObject({ message_type: 'summary', dryRun: true, files: 2, updated: 1, deleted: 1 });
  expect(readFileSync(join(back, 'a.txt'), 'utf8')).toBe('changed');
  expect(readdirSync(join(back, 'deep')).toSorted()).toEqual(['b.TXT', 'extra']);
});

test('--delete lists what would go and needs a yes: without one nothing changes, exit 8', async () => {
  await using fixture = await createRepositoryFixture();
  const { source, back } = await restoreAndChange(fixture);
  const args = ['restore', `latest:${source}`, '-t', 'back', '--overwrite', 'always', '--delete'];
  const refused = await fixture.run(args);
  expect(refused.status).toBe(8);
  expect(refused.stderr).toContain('1 entry (5 B) in');
  expect(refused.stderr).toContain('  deep/extra\n');
  expect(refused.stderr).toContain('--dry-run -vv, then give --yes');
  expect(readFileSync(join(back, 'a.txt'), 'utf8')).toBe('changed');
  expect(readdirSync(join(back, 'deep')).toSorted()).toEqual(['b.TXT', 'extra']);
  const done = await fixture.run([...args, '--yes']);
  expect([done.status, done.stdout]).toEqual([0, expect.stringContaining('1 deleted')]);
  expect(readFileSync(join(back, 'a.txt'), 'utf8')).toBe('content of a.txt');
  expect(readdirSync(join(back, 'deep')).toSorted()).toEqual(['b.TXT', 'c']);
  // Nothing is to go: nobody is asked.
  expect((await fixture.run(args)).status).toBe(0);
});

test('options that contradict themselves, or could delete everything, are mistakes', async () => {
  await using fixture = await createRepositoryFixture();
  await restoreAndChange(fixture);
  const mistake = async (...args: string[]): Promise<string> => {
    const { status, stderr } = await fixture.run(['restore', 'latest', ...args]);
    expect(status).toBe(2);
    return stderr;
  };
  expect(await mistake('-t', 'back', '--delete')).toContain('needs --overwrite');
  expect(await mistake('-t', '/', '--overwrite', 'always', '--delete', '--yes')).toContain('--include or --exclude');
  expect(await mistake('-t', 'back', '--overwrite', 'sometimes')).toContain('if-changed');
  expect(await mistake('-t', 'new', '--dry-run', '--verify')).toContain('--verify');
  expect(await mistake('-t', 'new', '--yes')).toContain('--delete');
  expect(await mistake('-t', 'new', '--owner', 'somebody')).toContain('number');
  expect(await mistake('-t', 'new', '--include', '[')).toContain('not a valid pattern');
});

test('patterns come from files, too, and the i-forms do not look at the case', async () => {
  await using fixture = await createRepositoryFixture();
  await restoreAndChange(fixture);
  writeFileSync(join(fixture.folder, 'patterns'), '# texts\n*.txt\n');
  const restored = async (...args: string[]): Promise<string[]> => {
    const target = `t${Math.random()}`;
    expect((await fixture.run(['restore', 'latest', '-t', target, ...args])).status).toBe(0);
    const paths = readdirSync(join(fixture.folder, target), { recursive: true, encoding: 'utf8' });
    return paths
      .map((path) => path.replace(/^.*source\/?/, ''))
      .filter((path) => /\./.test(path) || path.endsWith('c'));
  };
  expect(await restored('--include-file', 'patterns')).toEqual(['a.txt']);
  expect((await restored('--iinclude-file', 'patterns')).toSorted()).toEqual(['a.txt', 'deep/b.TXT']);
  expect((await restored('--iinclude', 'B.*', '-i', 'c')).toSorted()).toEqual(['deep/b.TXT', 'deep/c']);
  expect(await restored('--iexclude', '*.TXT')).toEqual(['deep/c']);
  expect(await restored('--exclude-file', 'patterns', '-e', 'c')).toEqual(['deep/b.TXT']);
});
