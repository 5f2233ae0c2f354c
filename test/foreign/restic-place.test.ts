import { expect, test } from 'vitest';
import { placeOfRestic } from '../../foreign/restic-place.ts';

const context = { directory: '/etc/backup', home: '/home/backup' };
const specOf = (url: string): unknown => {
  const place = placeOfRestic(url, context);
  return typeof place === 'string' ? place : place.spec;
};
const sftp = (path: string, more: Record<string, unknown> = {}): unknown =>
  expect.objectContaining({ sftp: { host: 'h.example', path, knownHosts: '/home/backup/.ssh/known_hosts', ...more } });

test.each([
  ['/srv/vault', { local: { path: '/srv/vault' } }],
  ['local:vault', { local: { path: '/etc/backup/vault' } }],
  ['~/vault', { local: { path: '/home/backup/vault' } }],
  ['sftp:me@h.example:/srv/vault', sftp('/srv/vault')],
  ['sftp:me@h.example:vault', sftp('vault')],
  ['sftp://me@h.example:2222//srv/vault', sftp('/srv/vault', { port: 2222 })],
  ['sftp://me@h.example/vault', sftp('vault')],
  ['s3:s3.amazonaws.com/acme/vault', { s3: { bucket: 'acme', prefix: 'vault' } }],
  ['s3:s3.eu-west-1.amazonaws.com/acme', { s3: { bucket: 'acme', region: 'eu-west-1' } }],
  [
    's3:http://127.0.0.1:9000/acme/a/b/',
    { s3: { bucket: 'acme', prefix: 'a/b', endpoint: 'http://127.0.0.1:9000', forcePathStyle: true } },
  ],
  ['gs:acme:/', { gcs: { bucket: 'acme' } }],
  ['gs:acme:/a/b', { gcs: { bucket: 'acme', prefix: 'a/b' } }],
])('%s', (url, spec) => {
  expect(specOf(url)).toEqual(spec);
});

test.each(['rest:https://me:hunter2@h.example/', 'azure:box:/', 'rclone:remote:path', 'swift:box:/'])(
  '%s has no counterpart, and no password of it is told',
  (url) => {
    expect(specOf(url)).toEqual(expect.stringContaining(`no storage of the kind "${url.split(':')[0]}:"`));
    expect(specOf(url)).not.toContain('hunter2');
  },
);
