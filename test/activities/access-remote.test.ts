import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { examineRemote } from '../../activities/access-remote.ts';
import type { Dependencies } from '../../activities/dependencies.ts';
import type { LocationSettings } from '../../domain/action.ts';
import { openStorage } from '../../storage/open-storage.ts';
import type { StorageSurroundings } from '../../storage/storage-location.ts';
import { requirePeer } from '../peers.ts';
import { startFakeGcsServer } from '../servers/fake-gcs-server.ts';
import { startSshd } from '../servers/sshd.ts';
import { startVersitygw } from '../servers/versitygw.ts';

const sshd = requirePeer('sshd');
const versitygw = requirePeer('versitygw');
const fakeGcs = requirePeer('fake-gcs-server');

async function examine(
  location: LocationSettings,
  surroundings: StorageSurroundings,
  { isWritten = true } = {},
): Promise<string[]> {
  const deps: Pick<Dependencies, 'openStorage'> = {
    openStorage: (place, path, role) => openStorage(place, path, role, surroundings),
  };
  const context = { signal: AbortSignal.timeout(30_000), progress: { report() {} } };
  const findings = await examineRemote(deps as Dependencies, { location, path: 'below', isWritten }, context);
  return findings.map(({ code, message }) => (code === 'access/remote' ? /\((.*)\)/.exec(message)![1]! : code));
}

sshd.it('SSH accounts are asked what they may do, and those that may more than their role are found', async () => {
  const server = await startSshd(sshd.command);
  try {
    const [writer, maintainer, reader] = (['writer', 'admin', 'reader'] as const).map((each) => server.identity(each));
    const at = (identities: LocationSettings['identities']): LocationSettings => ({
      name: 'vault',
      sftp: server.place('.'),
      identities: identities!,
    });
    expect(
      await examine(at({ writer: writer!, maintainer: maintainer!, reader: reader! }), server.surroundings),
    ).toEqual([
      'writer: may write, may not delete; maintainer: may write, may delete; reader: may not write, may not delete',
    ]);
    expect(
      await examine(at({ writer: maintainer!, maintainer: writer!, reader: maintainer! }), server.surroundings),
    ).toEqual([
      'access/writer-deletes',
      'access/maintainer-denied',
      'access/reader-writes',
      'writer: may write, may delete; maintainer: may write, may not delete; reader: may write, may delete',
    ]);
    expect(await examine(at({ writer: maintainer! }), server.surroundings)).toEqual(['writer: may write, may delete']);
    // What is only read is asked of its reader alone, who may be the writer.
    const onlyRead = { isWritten: false };
    expect(await examine(at({ writer: maintainer!, reader: reader! }), server.surroundings, onlyRead)).toEqual([
      'reader: may not write, may not delete',
    ]);
    expect(await examine(at({ writer: maintainer! }), server.surroundings, onlyRead)).toEqual([
      'access/reader-writes',
      'reader: may write, may delete',
    ]);
    const stranger = { user: 'nobody-here', privateKey: writer!.privateKey! };
    expect(await examine(at({ writer: writer!, reader: stranger }), server.surroundings)).toEqual([
      'access/unexamined',
      'writer: may write, may not delete',
    ]);
  } finally {
    await server.stop();
  }
});

versitygw.it('identities of a bucket of S3 are asked, without a trace in it', async () => {
  const server = await startVersitygw(versitygw.command);
  try {
    await server.createBucket('vault');
    const users = await Promise.all(['adder', 'keeper', 'looker'].map(server.createUser));
    const reading = ['s3:GetObject', 's3:ListBucket'];
    const adding = [...reading, 's3:PutObject'];
    await server.setPolicy('vault', { adder: adding, keeper: [...adding, 's3:DeleteObject'], looker: reading });
    const { endpoint, region } = server;
    const secrets: Record<string, string> = Object.fromEntries(
      users.map(({ accessKeyId, secretAccessKey }) => [accessKeyId, `${accessKeyId}:${secretAccessKey}`]),
    );
    const surroundings: StorageSurroundings = {
      environment: {},
      resolveSecret: async (reference) => secrets['env' in reference ? reference.env : '']!,
    };
    const as = (name: string) => ({ credentials: { env: name } });
    const location = (identities: LocationSettings['identities']): LocationSettings => ({
      name: 'bucket',
      s3: { bucket: 'vault', endpoint, region, forcePathStyle: true },
      identities: identities!,
    });
    expect(
      await examine(location({ writer: as('adder'), maintainer: as('keeper'), reader: as('looker') }), surroundings),
    ).toEqual([
      'writer: may write, may not delete; maintainer: may write, may delete; reader: may not write, may not delete',
    ]);
    expect(await examine(location({ writer: as('looker'), reader: as('adder') }), surroundings)).toEqual([
      'access/writer-denied',
      'access/reader-writes',
      'writer: may not write, may not delete; reader: may write, may not delete',
    ]);
    const storage = await openStorage(location({ writer: as('keeper') }), '', 'writer', surroundings);
    const names: string[] = [];
    for await (const { name } of storage.list('')) names.push(name);
    await storage.close();
    expect(names).toEqual([]);
  } finally {
    await server.stop();
  }
});

fakeGcs.it('a service that tells no rights is told as not known', async () => {
  const server = await startFakeGcsServer(fakeGcs.command);
  try {
    await server.createBucket('vault');
    const location = { name: 'bucket', gcs: { bucket: 'vault', endpoint: server.endpoint } };
    const surroundings = { environment: {}, resolveSecret: async () => '' };
    expect(await examine(location, surroundings)).toEqual(['writer: write not known, delete not known']);
  } finally {
    await server.stop();
  }
});

it('Google is asked which of the permissions an identity has', async () => {
  const asked: string[] = [];
  // No emulator knows permissions: the answer is the one that Google documents.
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    response.end(JSON.stringify({ permissions: ['storage.objects.create'] }));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const location = { name: 'bucket', gcs: { bucket: 'vault', endpoint } };
    const surroundings = { environment: {}, resolveSecret: async () => '' };
    expect(await examine(location, surroundings)).toEqual(['writer: may write, may not delete']);
    expect(asked).toEqual([
      'GET /storage/v1/b/vault/iam/testPermissions?permissions=storage.objects.create&permissions=storage.objects.delete',
    ]);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
