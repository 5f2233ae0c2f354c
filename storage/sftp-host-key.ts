/** Whether an SSH server is the one that was meant: its key against a fingerprint or known_hosts. Nothing is trusted at first sight. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HoldfastError, NotFoundError } from '../common/errors.ts';
import { findKnownKeys, keyType, knownHostName } from './known-hosts.ts';
import type { SftpPlace, StorageSurroundings } from './storage-location.ts';

/** The signature algorithms that a key of a type can be asked for, the best first. */
const ALGORITHMS: Readonly<Record<string, readonly string[]>> = {
  'ssh-ed25519': ['ssh-ed25519'],
  'ecdsa-sha2-nistp256': ['ecdsa-sha2-nistp256'],
  'ecdsa-sha2-nistp384': ['ecdsa-sha2-nistp384'],
  'ecdsa-sha2-nistp521': ['ecdsa-sha2-nistp521'],
  'ssh-rsa': ['rsa-sha2-512', 'rsa-sha2-256'],
};
const SYSTEM_KNOWN_HOSTS = '/etc/ssh/ssh_known_hosts';

/** What a server must show. */
export interface HostKeyRule {
  /** For messages: `fingerprint SHA256:…`, or the file. */
  source: string;
  /** Types of the keys that are known, to ask for these first; none: any. */
  types: readonly string[];
  /** Fingerprints of the keys that are known. */
  known: readonly string[];
  judge(blob: Buffer): 'known' | 'revoked' | 'unknown';
}

/** `SHA256:…`, as ssh-keygen prints it. */
export function fingerprintOf(blob: Buffer): string {
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
}

/** The algorithms of these key types; of all types without any. */
export function algorithmsOf(types: readonly string[]): string[] {
  const wanted =
    types.length === 0 ? Object.keys(ALGORITHMS) : Object.keys(ALGORITHMS).filter((type) => types.includes(type));
  return wanted.flatMap((type) => ALGORITHMS[type] ?? []);
}

/** All key types but these. */
export function otherTypes(types: readonly string[]): string[] {
  return Object.keys(ALGORITHMS).filter((type) => !types.includes(type));
}

/** Reads what is known of a server. Throws NotFound when the named known_hosts file is not there. */
export async function hostKeyRule(place: SftpPlace, { environment }: StorageSurroundings): Promise<HostKeyRule> {
  const { hostKey, knownHosts } = place;
  if (hostKey !== undefined) {
    const wanted = hostKey.replace(/=+$/, '');
    return {
      source: 'hostKey',
      types: [],
      known: [wanted],
      judge: (blob) => (fingerprintOf(blob) === wanted ? 'known' : 'unknown'),
    };
  }
  const home = environment['HOME'];
  const files =
    knownHosts === undefined
      ? [...(home === undefined ? [] : [join(home, '.ssh', 'known_hosts')]), SYSTEM_KNOWN_HOSTS]
      : [knownHosts];
  const texts = await Promise.all(files.map((file) => readKnownHosts(file, knownHosts !== undefined)));
  const { accepted, revoked } = findKnownKeys(texts.join('\n'), place.host, place.port);
  return {
    source: files[0]!,
    types: [...new Set(accepted.map(({ type }) => type))],
    known: accepted.map(({ blob }) => fingerprintOf(blob)),
    judge: (blob) => {
      if (revoked.some((key) => key.blob.equals(blob))) return 'revoked';
      return accepted.some((key) => key.blob.equals(blob)) ? 'known' : 'unknown';
    },
  };
}

async function readKnownHosts(file: string, isNamed: boolean): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    if (!isNamed) return '';
    throw new NotFoundError(`the file of known hosts ${file} cannot be read`, {
      hint: 'write it with ssh-keyscan, and compare the fingerprints with those of the server',
      cause,
    });
  }
}

/** Why a server was refused, with the fingerprints that were expected and those that it showed. */
export function refusedHost(place: SftpPlace, rule: HostKeyRule, offered: readonly Buffer[]): HoldfastError {
  const name = knownHostName(place.host, place.port);
  const shown = offered.map((blob) => `${fingerprintOf(blob)} (${keyType(blob)})`).join(', ');
  const context = { host: name, expected: rule.known.join(' '), offered: offered.map(fingerprintOf).join(' ') };
  if (offered.some((blob) => rule.judge(blob) === 'revoked')) {
    return new HoldfastError('AccessDenied', `the key of ${name}, ${shown}, is revoked in ${rule.source}`, {
      hint: 'Whoever answers there holds a key that was given up: do not go on before that is explained.',
      context,
    });
  }
  if (rule.known.length === 0) {
    return new HoldfastError('AccessDenied', `the server ${name} is not known in ${rule.source}: it shows ${shown}`, {
      hint: `Compare this with "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub" on the server. When it is the same: ssh-keyscan ${scanTarget(place)} >> ${rule.source}`,
      context,
    });
  }
  return new HoldfastError(
    'AccessDenied',
    `the key of ${name} is not the one that is known: it shows ${shown}, expected is ${rule.known.join(' or ')} (${rule.source})`,
    {
      hint: 'Somebody may stand between, or the server has a new key: ask who runs it, then correct hostKey or known_hosts.',
      context,
    },
  );
}

function scanTarget({ host, port }: SftpPlace): string {
  return port === 22 ? host : `-p ${port} ${host}`;
}
