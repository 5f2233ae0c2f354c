import { describe, expect, it } from 'vitest';
import { parseRepositoryUrl, type BucketOptions } from '../../storage/repository-url.ts';

describe('parseRepositoryUrl', () => {
  it.each([
    ['/srv/vault', '/srv/vault'],
    ['vault/demo', 'vault/demo'],
    ['C:backup', 'C:backup'],
    ['file:///srv/my%20vault', '/srv/my vault'],
  ])('takes %s as a local folder', (where, path) => {
    expect(parseRepositoryUrl(where)).toEqual({ local: { path } });
  });

  it.each([
    ['s3://vault/a//b/', {}, { s3: { bucket: 'vault', prefix: 'a/b', mayBeConfigured: true } }],
    [
      's3://vault',
      { region: 'eu-central-1' },
      { s3: { bucket: 'vault', region: 'eu-central-1', mayBeConfigured: true } },
    ],
    [
      's3://vault/50%25',
      { endpoint: 'http://127.0.0.1:9000' },
      { s3: { bucket: 'vault', prefix: '50%25', endpoint: 'http://127.0.0.1:9000', forcePathStyle: true } },
    ],
    ['gs://vault/a', {}, { gcs: { bucket: 'vault', prefix: 'a' } }],
    ['gs://vault', { endpoint: 'http://127.0.0.1:1' }, { gcs: { bucket: 'vault', endpoint: 'http://127.0.0.1:1' } }],
  ])('takes %s %o for a bucket', (where, options, location) => {
    expect(parseRepositoryUrl(where, options)).toEqual(location);
  });

  it.each([
    ['s3://vault', { AWS_ENDPOINT_URL: 'http://a' }, { endpoint: 'http://a', forcePathStyle: true }],
    [
      's3://vault',
      { AWS_ENDPOINT_URL: 'http://a', AWS_ENDPOINT_URL_S3: 'http://b' },
      { endpoint: 'http://b', forcePathStyle: true },
    ],
    [
      's3://vault',
      { AWS_ENDPOINT_URL: 'http://a', AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'true' },
      { mayBeConfigured: true },
    ],
    ['s3://vault', { STORAGE_EMULATOR_HOST: 'http://a' }, { mayBeConfigured: true }],
    ['gs://vault', { STORAGE_EMULATOR_HOST: 'localhost:4443' }, { endpoint: 'https://localhost:4443' }],
    ['gs://vault', { AWS_ENDPOINT_URL: 'http://a' }, {}],
  ])('takes %s to where %o says, unless an endpoint is given', (where, environment, place) => {
    const bucketOf = (options: BucketOptions) => {
      const { s3, gcs } = parseRepositoryUrl(where, { environment, ...options });
      return s3 ?? gcs;
    };
    expect(bucketOf({})).toEqual({ bucket: 'vault', ...place });
    expect(bucketOf({ endpoint: 'http://given' })).toMatchObject({ endpoint: 'http://given' });
  });

  it('names the variable that is no URL, and shows no secret of it', () => {
    const environment = { AWS_ENDPOINT_URL: 'http://key:geheim@host' };
    const parse = (): unknown => parseRepositoryUrl('s3://vault', { environment });
    expect(parse).toThrow('AWS_ENDPOINT_URL is no URL of a service');
  });

  it.each([
    ['s3://key:geheim@vault/a', {}],
    ['s3:///a', {}],
    ['gs://vault/../a', {}],
    ['s3://vault', { endpoint: 'http://key:geheim@host' }],
    ['s3://vault', { endpoint: 'host:9000' }],
    ['gs://vault', { region: 'eu' }],
    ['/srv/vault', { endpoint: 'http://host' }],
    ['sftp://host/a', { region: 'eu' }],
  ])('refuses %s %o, and shows no secret', (where, options) => {
    expect(() => parseRepositoryUrl(where, options)).toThrow(expect.objectContaining({ code: 'Usage' }));
    expect(() => parseRepositoryUrl(where, options)).not.toThrow(/geheim/);
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
