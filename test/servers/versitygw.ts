/** A real S3 server for the tests: versitygw on a temporary folder, with accounts and bucket policies. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CreateBucketCommand, PutBucketPolicyCommand, S3Client } from '@aws-sdk/client-s3';
import type { S3Credentials } from '../../storage/s3-settings.ts';
import { freePort, spawnRestartable } from './spawn-server.ts';

export interface S3Server {
  /** Of the process that runs now. */
  pid(): number;
  endpoint: string;
  region: string;
  /** Temporary; each bucket is a folder in it. */
  data: string;
  /** May do everything. */
  root: S3Credentials;
  createBucket(name: string): Promise<void>;
  /** An account that may do nothing until a policy lets it. */
  createUser(name: string): Promise<S3Credentials>;
  /** Replaces the bucket's policy: what each account may do on the bucket and all objects in it. */
  setPolicy(bucket: string, allowed: Readonly<Record<string, readonly string[]>>): Promise<void>;
  /** The same, as the JSON that a person writes. */
  setPolicyDocument(bucket: string, json: string): Promise<void>;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

const run = promisify(execFile);

export interface VersitygwOptions {
  /** Below it are its objects and accounts; removed when it stops. Default: a temporary one. */
  folder?: string;
  /** More of its own flags. */
  flags?: readonly string[];
}

export async function startVersitygw(command: string, options: VersitygwOptions = {}): Promise<S3Server> {
  const { folder = await mkdtemp(join(tmpdir(), 'holdfast-versitygw-')), flags = [] } = options;
  const [data, iam] = [join(folder, 'data'), join(folder, 'iam')];
  await mkdir(data);
  await mkdir(iam);
  const root = { accessKeyId: 'root-key', secretAccessKey: 'root-secret' };
  const [port, adminPort] = [await freePort(), await freePort()];
  const account = ['-a', root.accessKeyId, '-s', root.secretAccessKey];
  const args = ['-p', `127.0.0.1:${port}`, '--admin-port', `127.0.0.1:${adminPort}`];
  const server = await spawnRestartable(
    command,
    [...account, ...args, '--iam-dir', iam, '--iam-cache-disable', '--quiet', ...flags, 'posix', data],
    port,
  );
  const endpoint = `http://127.0.0.1:${port}`;
  const region = 'us-east-1';
  const client = new S3Client({ endpoint, region, forcePathStyle: true, credentials: root });
  return {
    endpoint,
    region,
    data,
    root,
    async createBucket(name) {
      await client.send(new CreateBucketCommand({ Bucket: name }));
    },
    async createUser(name) {
      const credentials = { accessKeyId: name, secretAccessKey: `${name}-secret` };
      const user = ['-a', name, '-s', credentials.secretAccessKey, '-r', 'user'];
      await run(command, ['admin', ...account, '--er', `http://127.0.0.1:${adminPort}`, 'create-user', ...user]);
      return credentials;
    },
    async setPolicy(bucket, allowed) {
      const statements = Object.entries(allowed).map(([user, actions]) => ({
        Effect: 'Allow',
        Principal: { AWS: [user] },
        Action: actions,
        Resource: [`arn:aws:s3:::${bucket}`, `arn:aws:s3:::${bucket}/*`],
      }));
      const Policy = JSON.stringify({ Version: '2012-10-17', Statement: statements });
      await client.send(new PutBucketPolicyCommand({ Bucket: bucket, Policy }));
    },
    async setPolicyDocument(bucket, json) {
      await client.send(new PutBucketPolicyCommand({ Bucket: bucket, Policy: json }));
    },
    pid: () => server.pid(),
    restart: () => server.restart(),
    async stop() {
      client.destroy();
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
