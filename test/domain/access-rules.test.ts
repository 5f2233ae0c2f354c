import fc from 'fast-check';
import { expect, test } from 'vitest';
import { evaluateAccess, type AccessEntry, type AccessSubject } from '../../domain/access-rules.ts';

const GROUPS: Record<string, string[]> = { staff: ['alice', 'bob'], empty: [], root: ['root'] };
const subject: AccessSubject = { worker: 'holdfast', membersOf: (group) => GROUPS[group] ?? [] };
const rules = { admins: ['admin'], writers: ['writer'], readers: ['alice'] };

function entry(path: string, mode: number, changes: Partial<AccessEntry> = {}): AccessEntry {
  return { path, isFolder: mode > 0o7777, mode: mode & 0o7777, owner: 'root', group: 'root', ...changes };
}
const folder = (path: string, mode: number, changes: Partial<AccessEntry> = {}) =>
  entry(path, mode, { ...changes, isFolder: true });

function findings(entries: AccessEntry[], changes: Partial<AccessSubject> = {}): string[] {
  const evaluation = evaluateAccess({ ...subject, ...changes });
  return entries
    .flatMap((one) => evaluation.visit(one))
    .map(({ code, subject: path, hint }) => `${code} ${path}: ${hint}`);
}

test('what only root and the worker can reach has no findings', () => {
  const entries = [
    folder('/v', 0o700),
    folder('/v/o', 0o755),
    entry('/v/o/f', 0o666),
    folder('/v/w', 0o700, { owner: 'holdfast' }),
  ];
  expect(findings(entries)).toEqual([]);
});

test('who cannot pass through a folder reaches nothing below it, who passes reaches what is open', () => {
  expect(findings([folder('/v', 0o750, { group: 'empty' }), entry('/v/f', 0o666)])).toEqual([]);
  expect(
    findings([folder('/v', 0o711), folder('/v/closed', 0o700), entry('/v/closed/f', 0o666), entry('/v/f', 0o644)]),
  ).toEqual(['access/public-read /v/f: Run: chmod o-rwx /v/f']);
});

test('one wrong permission is reported at the topmost entry that has it', () => {
  expect(
    findings([
      folder('/v', 0o755),
      folder('/v/a', 0o755),
      entry('/v/a/f', 0o644),
      entry('/v/a/g', 0o646),
      entry('/v/h', 0o644),
    ]),
  ).toEqual(['access/public-read /v: Run: chmod -R o-rwx /v', 'access/public-write /v/a/g: Run: chmod o-w /v/a/g']);
});

test('a group speaks for its members, those declared left out', () => {
  const entries = [folder('/v', 0o750, { group: 'staff' }), entry('/v/f', 0o660, { group: 'staff' })];
  expect(findings(entries, { rules })).toEqual([
    'access/read /v: Run: chmod -R g-rwx /v',
    'access/write /v/f: Run: chmod g-w /v/f',
    'access/write /v/f: Run: chmod g-w /v/f',
  ]);
});

test('declared readers may read and not write, writers and admins may do both', () => {
  const owners = ['alice', 'writer', 'admin'].map((owner) => entry(`/v/${owner}`, 0o600, { owner }));
  expect(findings([folder('/v', 0o711), ...owners], { rules })).toEqual([
    'access/write /v/alice: Run: chown root /v/alice',
  ]);
});

test('an owner can open what is his, whatever its mode', () => {
  expect(findings([folder('/v', 0o711), entry('/v/f', 0o000, { owner: 'mallory' })])).toEqual([
    'access/write /v/f: Run: chown root /v/f',
  ]);
  expect(findings([folder('/v', 0o700), entry('/v/f', 0o000, { owner: 'mallory' })])).toEqual([]);
});

test('ACL entries count within the mask', () => {
  const acl = { users: [{ name: 'carol', bits: 7 }], groups: [{ name: 'staff', bits: 4 }], mask: 4, owningGroup: 0 };
  expect(findings([folder('/v', 0o711), entry("/v/it's", 0o640, { acl })])).toEqual([
    `access/read /v/it's: Run: setfacl -x u:carol '/v/it'\\''s'`,
    `access/read /v/it's: Run: setfacl -b '/v/it'\\''s' && chmod g-rwx '/v/it'\\''s'`,
    `access/read /v/it's: Run: setfacl -b '/v/it'\\''s' && chmod g-rwx '/v/it'\\''s'`,
  ]);
  expect(findings([folder('/v', 0o711), entry('/v/f', 0o600, { acl: { ...acl, mask: 0 } })])).toEqual([]);
});

test('a group that is denied does not get what others get', () => {
  const evaluation = evaluateAccess(subject);
  evaluation.pass(folder('/', 0o755));
  const found = evaluation.visit(entry('/f', 0o604, { group: 'staff' }));
  expect(found.map(({ code }) => code)).toEqual(['access/public-read']);
});

test('a folder that others may write but not enter cannot be changed by them', () => {
  expect(findings([folder('/v', 0o702)])).toEqual([]);
  expect(findings([folder('/v', 0o703)])).toEqual(['access/public-write /v: Run: chmod -R o-w /v']);
});

/** What the kernel would answer, written the plain way. */
function kernelAllows(chain: AccessEntry[], principal: string, bit: number): boolean {
  const allows = (one: AccessEntry, wanted: number): boolean => {
    if (one.owner === principal) return true;
    const shift = (GROUPS[one.group] ?? []).includes(principal) ? 3 : 0;
    return ((one.mode >> shift) & wanted) === wanted;
  };
  return chain.slice(0, -1).every((one) => allows(one, 1)) && allows(chain.at(-1)!, bit);
}

test('somebody who could read or write anything is found, and nobody else', () => {
  const mode = fc.nat(0o777);
  const owner = fc.constantFrom('root', 'alice', 'bob', 'mallory');
  const group = fc.constantFrom('root', 'staff', 'empty');
  const chain = fc.array(fc.record({ mode, owner, group }), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(chain, (parts) => {
      const entries = parts.map((part, index) => ({
        ...part,
        path: `/v${'/x'.repeat(index)}`,
        isFolder: index < parts.length - 1,
      }));
      const found = findings(entries).length > 0;
      const possible = entries.some((one, index) =>
        ['alice', 'bob', 'mallory', 'everyone'].some(
          (principal) =>
            kernelAllows(entries.slice(0, index + 1), principal, 4) ||
            kernelAllows(entries.slice(0, index + 1), principal, one.isFolder ? 3 : 2),
        ),
      );
      expect(found).toBe(possible);
    }),
    { seed: 20261123, numRuns: 2000 },
  );
});

test('the sentence names who may: root alone where the worker is root', () => {
  const owned = folder('/v', 0o700, { owner: 'alice' });
  const message = (worker: string) => evaluateAccess({ ...subject, worker }).visit(owned)[0]?.message;
  expect(message('root')).toMatch(/: only root may$/);
  expect(message('holdfast')).toMatch(/: only root and holdfast may$/);
});
