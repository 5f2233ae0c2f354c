import { expect, it } from 'vitest';
import { realmOf } from '../../domain/location-realm.ts';

const s3 = (endpoint?: string) => realmOf({ name: 'vault', s3: { bucket: 'a', ...(endpoint && { endpoint }) } }, '');
const gcs = (endpoint?: string) => realmOf({ name: 'vault', gcs: { bucket: 'a', ...(endpoint && { endpoint }) } }, '');

it.each([
  'https://s3.amazonaws.com',
  'https://s3.eu-central-1.amazonaws.com/',
  'https://S3.eu-central-1.amazonaws.com:443',
  'https://s3-us-west-2.amazonaws.com',
  'https://s3.dualstack.us-gov-east-1.amazonaws.com',
])("knows %s for AWS's own service", (endpoint) => {
  expect(s3(endpoint)).toEqual(s3());
});

it.each(['https://s3.amazonaws.com.example', 'https://minio.example', 'http://s3.amazonaws.com:9000'])(
  'takes %s for a service of its own',
  (endpoint) => {
    expect(s3(endpoint)).not.toEqual(s3());
  },
);

it('tells services apart by their addresses, however they are written', () => {
  expect(s3('https://Minio.example:443/')).toEqual(s3('https://minio.example'));
  expect(s3('http://minio.example:80')).toEqual(s3('http://minio.example'));
  expect(s3('https://minio.example:9000')).not.toEqual(s3('https://minio.example'));
  expect(gcs('https://storage.googleapis.com')).toEqual(gcs());
  expect(gcs()).not.toEqual(s3());
});
