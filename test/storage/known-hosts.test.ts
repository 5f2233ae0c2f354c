import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { findKnownKeys } from '../../storage/known-hosts.ts';

const key = (type: string, content: string): string => {
  const name = Buffer.from(type);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(name.length);
  return `${type} ${Buffer.concat([length, name, Buffer.from(content)]).toString('base64')}`;
};
const FIRST = key('ssh-ed25519', 'first');
const SECOND = key('ssh-rsa', 'second');
const hashed = (host: string): string => {
  const salt = Buffer.alloc(20, 7);
  return `|1|${salt.toString('base64')}|${createHmac('sha1', salt).update(host).digest('base64')}`;
};

function accepted(text: string, host: string, port = 22): string[] {
  return findKnownKeys(text, host, port).accepted.map(({ type, blob }) => `${type} ${blob.toString('base64')}`);
}

describe('known_hosts', () => {
  it.each([
    ['a name', `vault.example ${FIRST}`, 'vault.example', 22],
    ['a name in other case', `Vault.Example ${FIRST}`, 'VAULT.example', 22],
    ['one of several names', `other,vault.example,10.0.0.1 ${FIRST}`, 'vault.example', 22],
    ['a name with a port', `[vault.example]:2222 ${FIRST}`, 'vault.example', 2222],
    ['a name without a port, whatever the port', `vault.example ${FIRST}`, 'vault.example', 2222],
    ['a hashed name', `${hashed('vault.example')} ${FIRST}`, 'vault.example', 22],
    ['a hashed name with a port', `${hashed('[vault.example]:2222')} ${FIRST}`, 'vault.example', 2222],
    ['a star', `*.example ${FIRST}`, 'vault.example', 22],
    ['a question mark', `v?ult.example ${FIRST}`, 'vault.example', 22],
    ['an IPv6 address with a port', `[::1]:2222 ${FIRST}`, '::1', 2222],
    ['a line with a comment, tabs and a carriage return', `vault.example\t${FIRST} me@here\r`, 'vault.example', 22],
  ])('finds %s', (_what, text, host, port) => {
    expect(accepted(text, host, port)).toEqual([FIRST]);
  });

  it.each([
    ['another name', `vault.example ${FIRST}`, 'vault.example.org', 22],
    ['another port', `[vault.example]:2222 ${FIRST}`, 'vault.example', 22],
    ['a negated name', `*.example,!vault.example ${FIRST}`, 'vault.example', 22],
    ['a pattern whose dot stands for itself', `vault.example ${FIRST}`, 'vaultxexample', 22],
    ['another hashed name', `${hashed('other.example')} ${FIRST}`, 'vault.example', 22],
    ['a comment', `# vault.example ${FIRST}`, 'vault.example', 22],
    ['a certificate authority', `@cert-authority *.example ${FIRST}`, 'vault.example', 22],
    ['a key of another type than its name', `vault.example ssh-rsa ${FIRST.split(' ')[1]}`, 'vault.example', 22],
    ['a line without a key', 'vault.example ssh-ed25519', 'vault.example', 22],
    ['a key that is none', 'vault.example ssh-ed25519 AAAA', 'vault.example', 22],
  ])('does not take %s', (_what, text, host, port) => {
    expect(accepted(text, host, port)).toEqual([]);
  });

  it('finds all keys of a host, and tells those that are revoked', () => {
    const text = ['', `vault ${FIRST}`, `@revoked * ${SECOND}`, `vault ${SECOND}`].join('\n');
    const found = findKnownKeys(text, 'vault', 22);
    expect(found.accepted.map(({ type }) => type)).toEqual(['ssh-ed25519', 'ssh-rsa']);
    expect(found.revoked.map(({ type }) => type)).toEqual(['ssh-rsa']);
  });
});
