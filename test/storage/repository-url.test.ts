import { describe, expect, it } from 'vitest';
import { parseRepositoryUrl } from '../../storage/repository-url.ts';

describe('parseRepositoryUrl', () => {
  it.each([
    ['/srv/vault', '/srv/vault'],
    ['vault/demo', 'vault/demo'],
    ['C:backup', 'C:backup'],
    ['file:///srv/my%20vault', '/srv/my vault'],
  ])('takes %s as a local folder', (where, path) => {
    expect(parseRepositoryUrl(where)).toEqual({ local: { path } });
  });

  it.each(['gs://bucket/prefix', 's3://bucket/prefix'])('says that %s is not built', (where) => {
    expect(() => parseRepositoryUrl(where)).toThrow(expect.objectContaining({ code: 'NotBuilt' }));
  });

  it.each(['sftp://me:geheim@host/vault', 'sftp://me:geheim@host:port/x', 'ftp://me:ge@heim@host/x'])(
    'shows no password of %s',
    (where) => {
      expect(() => parseRepositoryUrl(where)).toThrow(/me:…@host/);
      expect(() => parseRepositoryUrl(where)).not.toThrow(/heim/);
    },
  );

  it.each([
    ['sftp://me@host:2222/vault/demo', { host: 'host', port: 2222, path: 'vault/demo' }, 'me'],
    ['sftp://me@host//srv/my%20vault', { host: 'host', port: 22, path: '/srv/my vault' }, 'me'],
    ['sftp://[::1]:22/vault', { host: '::1', port: 22, path: 'vault' }, undefined],
    ['sftp://host', { host: 'host', port: 22, path: '.' }, undefined],
  ])('takes %s for a folder of a server', (where, sftp, user) => {
    expect(parseRepositoryUrl(where)).toEqual({
      sftp,
      ...(user === undefined ? {} : { identities: { writer: { user } } }),
    });
  });

  it.each(['sftp:///srv/vault', 'sftp://host/a?b', 'sftp://host:port/a', 'sftp://me:geheim@host/vault'])(
    'refuses %s',
    (where) => {
      expect(() => parseRepositoryUrl(where)).toThrow(expect.objectContaining({ code: 'Usage' }));
    },
  );

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
