import { describe, expect, it } from 'vitest';
import { chooseAction } from '../../cli/run.ts';
import type { Action } from '../../domain/action.ts';
import { someAction } from '../engine/engine-fixture.ts';

const actions: Action[] = [
  someAction({ id: 'policy/orders/backup/main', kind: 'backup', policy: 'orders', target: 'main' }),
  someAction({ id: 'policy/orders/backup/offsite', kind: 'backup', policy: 'orders', target: 'offsite' }),
  someAction({ id: 'policy/orders/access-check', kind: 'access-check', policy: 'orders', target: 'main, offsite' }),
  someAction({ id: 'repository/main/prune', kind: 'prune', target: 'main' }),
];

describe('Choosing the action to run', () => {
  it('takes the one of the policy, or of the repository', () => {
    expect(chooseAction(actions, 'orders', 'access-check', undefined).id).toBe('policy/orders/access-check');
    expect(chooseAction(actions, 'main', 'prune', undefined).id).toBe('repository/main/prune');
    expect(chooseAction(actions, 'orders', 'backup', 'offsite').id).toBe('policy/orders/backup/offsite');
  });

  it('asks for --to where there are several, and names them', () => {
    expect(() => chooseAction(actions, 'orders', 'backup', undefined)).toThrow('orders has several actions backup');
  });

  it('tells several syncs to one location apart by their paths', () => {
    const sync = (path: string): Action =>
      someAction({ id: `policy/orders/sync/standby/${path}`, kind: 'sync', policy: 'orders', target: 'standby' });
    const syncs = [sync('a'), sync('deep/b')];
    expect(() => chooseAction(syncs, 'orders', 'sync', 'standby')).toThrow('orders has several actions sync');
    expect(chooseAction(syncs, 'orders', 'sync', 'standby/deep/b').id).toBe('policy/orders/sync/standby/deep/b');
    expect(() => chooseAction(syncs, 'orders', 'sync', 'standby/b')).toThrow('no sync to standby/b of "orders"');
  });

  it('names what there is when nothing fits', () => {
    expect(() => chooseAction(actions, 'orders', 'sync', undefined)).toThrow('no sync of "orders" is in force');
    expect(() => chooseAction(actions, 'orders', 'backup', 'nowhere')).toThrow('no backup to nowhere of "orders"');
    expect(() => chooseAction(actions, 'orders', 'backups', undefined)).toThrow('there is no action "backups"');
  });
});
