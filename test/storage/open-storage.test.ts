import { describe, expect, it } from 'vitest';
import { openStorage, parseRepositoryUrl } from '../../storage/open-storage.ts';

describe('openStorage', () => {
  it('opens the folder below a local location', async () => {
    const storage = await openStorage({ local: { path: '/srv/vault' } }, 'demo', 'writer');
    expect(storage.description).toBe('local:/srv/vault/demo');
    expect((await openStorage({ local: { path: '/srv/vault' } }, '', 'reader')).description).toBe('local:/srv/vault');
  });
});

describe('parseRepositoryUrl', () => {
  it.each([
    ['/srv/vault', '/srv/vault'],
    ['vault/demo', 'vault/demo'],
    ['C:backup', 'C:backup'],
    ['file:///srv/my%20vault', '/srv/my vault'],
  ])('takes %s as a local folder', (where, path) => {
    expect(parseRepositoryUrl(where)).toEqual({ local: { path } });
  });

  it.each(['sftp://me@host:22/vault', 'gs://bucket/prefix', 's3://bucket/prefix'])(
    'says that %s is not built',
    (where) => {
      expect(() => parseRepositoryUrl(where)).toThrow(expect.objectContaining({ code: 'NotBuilt' }));
    },
  );

  it.each(['sftp://me:geheim@host/vault', 'ftp://me:ge@heim@host/x'])('shows no password of %s', (where) => {
    expect(() => parseRepositoryUrl(where)).toThrow(/me:…@host/);
    expect(() => parseRepositoryUrl(where)).not.toThrow(/heim/);
  });

  it('takes an empty place for a mistake, not for the current folder', () => {
    expect(() => parseRepositoryUrl('')).toThrow(expect.objectContaining({ code: 'Usage' }));
  });

  it.each(['s3:http://host/bucket', 'sftp:me@host:/vault', 'rest:https://me:geheim@host/'])(
    'takes %s for restic’s spelling, not for a folder',
    (where) => {
      expect(() => parseRepositoryUrl(where)).toThrow(expect.objectContaining({ code: 'Usage' }));
      expect(() => parseRepositoryUrl(where)).not.toThrow(/geheim/);
    },
  );

  it('refuses a scheme that is none', () => {
    expect(() => parseRepositoryUrl('ftp://host/x')).toThrow(expect.objectContaining({ code: 'Usage' }));
  });
});
