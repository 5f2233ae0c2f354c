/** Identities: each kind of storage knows its own ways to log in, and what it does not know must not be ignored in silence. */
import type { DocumentPath, LoadedDocument } from '../schemas/loaded-document.ts';
import type { Problem } from '../schemas/problem.ts';
import type { Identity, Location } from '../schemas/types.ts';
import { problemAt } from './located-problem.ts';
import type { PolicyFolder } from './policy-folder.ts';

const ROLES = ['writer', 'maintainer', 'reader'] as const;

interface Kind {
  /** For sentences: who does not know the key. */
  name: string;
  knows: readonly (keyof Identity)[];
  hint: string;
}

const SSH: Kind = {
  name: 'an SSH server',
  knows: ['user', 'privateKeyFrom', 'passphraseFrom', 'passwordFrom', 'agent'],
  hint: 'name a key (privateKeyFrom), a password (passwordFrom) or the agent (agent: true)',
};
const BUCKET: Kind = {
  name: 'a bucket',
  knows: ['credentialsFrom'],
  hint: 'name credentialsFrom: a service account (JSON) of Google, ACCESS_KEY_ID:SECRET_ACCESS_KEY of S3',
};

export function findIdentityProblems(folder: PolicyFolder): Problem[] {
  return [...folder.locations.values()].flatMap((location) => {
    const { identities, local, sftp } = location.content.spec;
    if (identities === undefined) return [];
    if (local !== undefined) return [identitiesOfDisk(location)];
    return ROLES.flatMap((role) => {
      const identity = identities[role];
      if (identity === undefined) return [];
      const path = ['spec', 'identities', role];
      return [
        ...unknownKeys(location, path, identity, sftp === undefined ? BUCKET : SSH),
        ...lonePassphrase(location, path, identity),
      ];
    });
  });
}

function identitiesOfDisk(location: LoadedDocument<Location>): Problem {
  return problemAt(location, ['spec', 'identities'], {
    code: 'identity-unused',
    part: 'key',
    message: 'a local location has no identities: every role is the account that holdfast runs as',
    hint: 'remove them; keep the writer from deleting by an sftp, s3 or gcs location',
  });
}

function unknownKeys(
  location: LoadedDocument<Location>,
  path: DocumentPath,
  identity: Identity,
  { name, knows, hint }: Kind,
): Problem[] {
  const unknown = (Object.keys(identity) as (keyof Identity)[]).filter((key) => !knows.includes(key));
  return unknown.map((key) =>
    problemAt(location, [...path, key], {
      code: 'identity-unused',
      part: 'key',
      message: `${name} takes no "${key}"`,
      hint,
    }),
  );
}

function lonePassphrase(location: LoadedDocument<Location>, path: DocumentPath, identity: Identity): Problem[] {
  if (identity.passphraseFrom === undefined || identity.privateKeyFrom !== undefined) return [];
  // Of a bucket it was told already.
  if (location.content.spec.sftp === undefined) return [];
  return [
    problemAt(location, [...path, 'passphraseFrom'], {
      code: 'identity-unused',
      part: 'key',
      message: 'there is no private key that this passphrase would open',
      hint: 'name the key with privateKeyFrom; keys of the SSH agent need none',
    }),
  ];
}
