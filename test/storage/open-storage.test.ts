import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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

  it('keeps all ways to a location with limits within them', async () => {
    const location = { local: { path: '/srv/vault' }, limits: { uploadBytesPerSecond: 1000 } };
    const storage = await openStorage(location, '', 'writer', NOTHING);
    // Threads would write to the folder directly.
    expect(storage.capabilities.localDirectory).toBeUndefined();
    const stop = AbortSignal.timeout(50);
    await expect(storage.write('a', Buffer.alloc(100_000), { signal: stop })).rejects.toMatchObject({
      code: 'Interrupted',
    });
  });

  it('refuses a time limit for servers that is none', async () => {
    const location = { s3: { bucket: 'vault', endpoint: 'http://127.0.0.1:1' } };
    for (const text of ['0s', 'soon']) {
      const surroundings = { ...NOTHING, environment: { HOLDFAST_STORAGE_TIMEOUT: text } };
      await expect(openStorage(location, '', 'writer', surroundings)).rejects.toMatchObject({ code: 'Usage' });
    }
  });

  it('keeps to the rate of the time of day that it is', async () => {
    const times = [{ fromMinute: 480, toMinute: 1080, uploadBytesPerSecond: 1 }];
    const folder = await mkdtemp(join(tmpdir(), 'holdfast-rates-'));
    let now = new Date('2026-11-25T12:00:00Z');
    const surroundings = { ...NOTHING, now: () => now };
    const storage = await openStorage({ local: { path: folder }, limits: { times } }, '', 'writer', surroundings);
    const write = () => storage.write('a', Buffer.alloc(100_000), { signal: AbortSignal.timeout(200) });
    await expect(write()).rejects.toMatchObject({ code: 'Interrupted' });
    now = new Date('2026-11-25T20:00:00Z');
    await write();
    await rm(folder, { recursive: true });
  });
});
