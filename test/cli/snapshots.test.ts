import { expect, test } from 'vitest';
import { createRepositoryFixture } from './repository-fixture.ts';

const timezone = { environment: { TZ: 'Europe/Berlin' } };

test('lists snapshots as a table, oldest first, with the size when it is known', async () => {
  await using fixture = await createRepositoryFixture();
  const second = await fixture.addSnapshot({ time: '2026-11-21T02:00:00Z', tags: ['holdfast', 'policy=orders'] });
  const first = await fixture.addSnapshot({
    hostname: 'nas',
    paths: ['/srv/b', '/srv/c'],
    summary: { total_bytes_processed: 1536 } as never,
  });
  const { status, stdout, stderr } = await fixture.run(['snapshots'], timezone);
  expect([status, stderr]).toEqual([0, '']);
  expect(stdout.split('\n')).toEqual([
    'ID        Time                 Host    Tags           Paths       Size',
    `${first.slice(0, 8)}  2026-11-20 02:00:00  nas                    /srv/b  1.50 KiB`,
    '                                                      /srv/c',
    `${second.slice(0, 8)}  2026-11-21 03:00:00  app-01  holdfast       /srv/a`,
    '                                       policy=orders',
    '2 snapshots',
    '',
  ]);
});

test('filters by policy, host, path and tag, and gives the documents as JSON', async () => {
  await using fixture = await createRepositoryFixture();
  const orders = await fixture.addSnapshot({ tags: ['holdfast', 'policy=orders'] });
  const nas = await fixture.addSnapshot({ hostname: 'nas', paths: ['/srv/b'] });
  const list = async (...filter: string[]): Promise<string[]> => {
    const { stdout } = await fixture.run(['snapshots', '--json', ...filter]);
    return (JSON.parse(stdout) as { id: string }[]).map(({ id }) => id);
  };
  expect((await list()).toSorted()).toEqual([orders, nas].toSorted());
  expect(await list('--policy', 'orders')).toEqual([orders]);
  expect(await list('--tag', 'holdfast,policy=orders')).toEqual([orders]);
  expect(await list('--host', 'nas')).toEqual([nas]);
  expect(await list('--path', '/srv/b/deep')).toEqual([nas]);
  expect(await list('--path', '/srv/x')).toEqual([]);
});

test('text of a hostile repository cannot steer the terminal', async () => {
  await using fixture = await createRepositoryFixture();
  await fixture.addSnapshot({ hostname: 'a\x1b[2J\nb', tags: ['\x07'], paths: ['/x\r/y'] });
  const { stdout } = await fixture.run(['snapshots']);
  // oxlint-disable-next-line no-control-regex
  expect(stdout.replaceAll('\n', '')).not.toMatch(/[\x00-\x1f]/);
});

test('a broken snapshot file is named, the others are listed, and the status says integrity', async () => {
  await using fixture = await createRepositoryFixture();
  await fixture.addSnapshot({});
  await fixture.repository.storage.write(`snapshots/${'ab'.repeat(32)}`, Buffer.from('no snapshot at all'));
  const { status, stdout, stderr } = await fixture.run(['snapshots']);
  expect(status).toBe(5);
  expect(stdout).toContain('1 snapshot\n');
  expect(stderr).toContain('ab'.repeat(32));
});
