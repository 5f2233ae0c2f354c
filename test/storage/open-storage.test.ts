import { describe, expect, it } from 'vitest';
import { openStorage } from '../../storage/open-storage.ts';

const NOTHING = {
  environment: {},
  resolveSecret: () => Promise.reject(new Error('no secret is needed')),
};

describe('openStorage', () => {
  it('opens the folder below a local location', async () => {
    const storage = await openStorage({ local: { path: '/srv/vault' } }, 'demo', 'writer', NOTHING);
    expect(storage.description).toBe('local:/srv/vault/demo');
    expect((await openStorage({ local: { path: '/srv/vault' } }, '', 'reader', NOTHING)).description).toBe(
      'local:/srv/vault',
    );
  });
});
