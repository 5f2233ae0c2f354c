/** Reads known_hosts files as OpenSSH does (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT): which keys a server may show. */
import { createHmac, timingSafeEqual } from 'node:crypto';

/** A public key as SSH sends it: `string type, …`. */
export interface KnownKey {
  type: string;
  blob: Buffer;
}

export interface KnownKeys {
  /** Keys that the host may have. */
  accepted: KnownKey[];
  /** Keys that must never be accepted from it (`@revoked`). */
  revoked: KnownKey[];
}

/** The name under which a host stands in the file. */
export function knownHostName(host: string, port: number): string {
  return port === 22 ? host.toLowerCase() : `[${host.toLowerCase()}]:${port}`;
}

/**
 * The keys that a file's text has for a host. A line without a port is good for every port, as OpenSSH takes it: what
 * counts is that the key is the same. Lines that cannot be read are left out, and so are certificate authorities,
 * since certificates are not asked for.
 */
export function findKnownKeys(text: string, host: string, port: number): KnownKeys {
  const names = [...new Set([knownHostName(host, port), knownHostName(host, 22)])];
  const found: KnownKeys = { accepted: [], revoked: [] };
  for (const line of text.split('\n')) {
    const fields = line.trim().split(/[ \t]+/);
    const marker = fields[0]?.startsWith('@') === true ? fields.shift() : undefined;
    const [patterns = '', type = '', encoded = ''] = fields;
    if (patterns.startsWith('#') || encoded === '' || !names.some((name) => matchesHost(patterns, name))) continue;
    const blob = Buffer.from(encoded, 'base64');
    if (keyType(blob) !== type) continue;
    if (marker === undefined) found.accepted.push({ type, blob });
    else if (marker === '@revoked') found.revoked.push({ type, blob });
  }
  return found;
}

/** The first field of a key; empty when it is none. */
export function keyType(blob: Buffer): string {
  if (blob.length < 4) return '';
  return blob.toString('latin1', 4, 4 + Math.min(blob.readUInt32BE(0), blob.length - 4));
}

/** `|1|SALT|HASH`, or patterns with `*` and `?`, joined by commas, of which none may match that begins with `!`. */
function matchesHost(patterns: string, name: string): boolean {
  if (patterns.startsWith('|')) return matchesHash(patterns, name);
  let matched = false;
  for (const pattern of patterns.toLowerCase().split(',')) {
    const negated = pattern.startsWith('!');
    if (!matchesPattern(negated ? pattern.slice(1) : pattern, name)) continue;
    if (negated) return false;
    matched = true;
  }
  return matched;
}

function matchesPattern(pattern: string, name: string): boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replace(/\*+/g, '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`).test(name);
}

function matchesHash(field: string, name: string): boolean {
  const [, version, salt = '', hash = ''] = field.split('|');
  if (version !== '1') return false;
  const expected = Buffer.from(hash, 'base64');
  const actual = createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest();
  return expected.length === actual.length && timingSafeEqual(expected, actual);
}
