import { describe, expect, it } from 'vitest';
import { findSnapshot } from '../../domain/find-snapshot.ts';
import type { Snapshot } from '../../domain/snapshot.ts';

function snapshot(id: string, time: string, changes: Partial<Snapshot> = {}): Snapshot {
  const full = id.padEnd(64, '0');
  return { id: full, time, tree: full, paths: ['/srv/orders'], hostname: 'app-01', username: 'root', ...changes };
}

const orders = [
  snapshot('aa11', '2026-11-20T02:00:00Z', { tags: ['holdfast', 'policy=orders'] }),
  snapshot('aa12', '2026-11-21T02:00:00+05:00', {
    tags: ['holdfast', 'policy=orders'],
    paths: ['/srv/orders', '/etc'],
  }),
];
const scans = snapshot('bb', '2026-11-22T02:00:00Z', { hostname: 'nas-01', paths: ['/srv/scans'], tags: ['scans'] });
const all = [scans, ...orders];

const find = (selector: Parameters<typeof findSnapshot>[1], among: readonly Snapshot[] = all): string =>
  findSnapshot(among, selector).id.replace(/0+$/, '');

describe('findSnapshot', () => {
  it('takes an id, or a prefix that only one has', () => {
    expect(find({ id: orders[0]!.id })).toBe('aa11');
    expect(find({ id: 'AA12' })).toBe('aa12');
    expect(find({ id: 'b' })).toBe('bb');
    expect(find({ id: 'b', host: 'another' })).toBe('bb');
  });

  it('says what to type when a prefix has several, or none', () => {
    expect(() => find({ id: 'aa1' })).toThrow(
      expect.objectContaining({ code: 'Usage', hint: 'Type more digits: aa11000, aa12000.' }),
    );
    expect(() => find({ id: 'cc' })).toThrow(expect.objectContaining({ code: 'NotFound' }));
    expect(() => find({ id: 'newest' })).toThrow(/"newest" is no snapshot id/);
  });

  it.each([
    [{ policy: 'orders' }, 'aa12'],
    [{ host: 'nas-01' }, 'bb'],
    [{ path: '/srv/scans' }, 'bb'],
    [{ path: '/srv/orders/2026/ledger.csv' }, 'aa12'],
    [{ path: '/etc' }, 'aa12'],
    [{ path: '/srv' }, 'bb'],
    [{ tag: 'scans' }, 'bb'],
    [{ tag: 'holdfast,policy=orders' }, 'aa12'],
    [{ policy: 'orders', at: new Date('2026-11-20T20:59:59Z') }, 'aa11'],
    [{ policy: 'orders', at: new Date('2026-11-20T21:00:00Z') }, 'aa12'],
  ])('takes the newest that %j leave', (filters, expected) => {
    expect(find({ id: 'latest', ...filters })).toBe(expected);
    expect(find(filters)).toBe(expected);
  });

  it('refuses a bare "latest" that could mean two things, and says what to add', () => {
    expect(() => find({})).toThrow(
      expect.objectContaining({
        code: 'Usage',
        hint: 'Add one of: --host nas-01 --path /srv/scans, --policy orders.',
      }),
    );
    expect(find({}, orders)).toBe('aa12');
    expect(find({ at: new Date('2026-11-21T00:00:00Z') })).toBe('aa12');
  });

  it('names the filters that nothing fits', () => {
    expect(() => find({ policy: 'payroll', host: 'app-01' })).toThrow(
      'no snapshot of the policy "payroll" of the host "app-01" is in the repository',
    );
    expect(() => find({}, [])).toThrow('no snapshot is in the repository');
    expect(() => find({ path: '/srv/order' })).toThrow(/no snapshot with the path/);
  });

  it('takes the latest that holds a path whole before a newer one of a part of it', () => {
    const part = snapshot('cc', '2026-11-23T02:00:00Z', { paths: ['/srv/scans/one.tif'] });
    expect(findSnapshot([scans, part], { path: '/srv/scans' }).id).toBe(scans.id);
    expect(findSnapshot([scans, part], { path: '/srv/scans/one.tif' }).id).toBe(part.id);
  });
});
