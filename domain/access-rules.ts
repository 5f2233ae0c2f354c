/** Who can reach what: evaluates owner, group, mode and ACL of entries, from a location's root downward, against the declared principals. */
import type { AccessRules } from './action.ts';
import type { Finding } from './finding.ts';

/** Permission bits of one class, as in a mode's octal digit: 4 read, 2 write, 1 execute (of a folder: pass through). */
type Bits = number;

/** A POSIX access ACL beyond owner, group and others. `mask` limits every entry but owner and others. */
export interface AccessAcl {
  users: { name: string; bits: Bits }[];
  groups: { name: string; bits: Bits }[];
  mask: Bits;
  /** The owning group's own entry; with an ACL the mode's group digit is the mask. */
  owningGroup: Bits;
}

export interface AccessEntry {
  /** Absolute, for people. */
  path: string;
  isFolder: boolean;
  /** `st_mode & 0o7777`. */
  mode: number;
  /** Account names; accounts without a name are `uid 1234`, `gid 1234`. */
  owner: string;
  group: string;
  acl?: AccessAcl;
}

export interface AccessSubject {
  /** The declared principals; absent: only root and the worker's account. */
  rules?: AccessRules;
  /** The worker's own account. */
  worker: string;
  /** The accounts in a group, those included whose primary group it is. */
  membersOf: (group: string) => readonly string[];
}

/** Stands for every account that no rule of an entry names. */
export const EVERYONE = 'everyone';

export interface AccessEvaluation {
  /** Entries in the order of a walk, each folder before its content, from the root; returns what is wrong with this one. */
  visit(entry: AccessEntry): Finding[];
  /** A folder on the way that is not judged itself: it only lets principals through, or not. */
  pass(folder: AccessEntry): void;
  /** Principals met so far, root and the worker's account included. */
  principals(): ReadonlySet<string>;
}

interface Level {
  path: string;
  /** Whether the principal can come as far as into this folder. One whom only an inner entry names is here one of everyone. */
  reach: (principal: string) => boolean;
  /** Named by this folder or one above it: they may come further than everyone. */
  named: ReadonlySet<string>;
  /** Reported here: below it the same principal is not reported again for the same. */
  reported: ReadonlyMap<string, Wrong>;
}

type Wrong = 'read' | 'write';

/**
 * Evaluates entries one after the other in bounded memory: a stack of folders. Somebody who cannot pass through a
 * folder reaches nothing below it; owners count as able to do all to what is theirs, since they can change its mode.
 * One wrong permission of one principal is reported at the topmost entry that has it.
 */
export function evaluateAccess(subject: AccessSubject): AccessEvaluation {
  const { readers, writers } = allowedPrincipals(subject);
  const seen = new Set<string>(['root', subject.worker]);
  const stack: Level[] = [];
  const levelAbove = (path: string): Level | undefined => {
    while (stack.length > 0 && !isBelow(path, stack.at(-1)!.path)) stack.pop();
    return stack.at(-1);
  };
  return {
    visit(entry) {
      const parent = levelAbove(entry.path);
      const findings: Finding[] = [];
      const reported = new Map(parent?.reported);
      const named = new Set([...principalsOf(entry, subject), ...(parent?.named ?? [])]);
      // Everyone first: whoever is only one of them is not named besides.
      for (const principal of [EVERYONE, ...named]) {
        seen.add(principal);
        if (parent !== undefined && !parent.reach(principal)) continue;
        const wrong = wrongPermission(entry, principal, subject, readers, writers);
        const own = reported.get(principal);
        const common = classOf(entry, principal, subject) === 'other' ? reported.get(EVERYONE) : undefined;
        if (wrong === undefined || covers(own, wrong) || covers(common, wrong)) continue;
        reported.set(principal, wrong);
        findings.push(describe(entry, principal, wrong, subject));
      }
      if (entry.isFolder) stack.push(levelOf(entry, parent, subject, named, reported));
      return findings;
    },
    pass(folder) {
      const parent = levelAbove(folder.path);
      const named = new Set([...principalsOf(folder, subject), ...(parent?.named ?? [])]);
      stack.push(levelOf(folder, parent, subject, named, new Map()));
    },
    principals: () => seen,
  };
}

function allowedPrincipals({ rules, worker }: AccessSubject): { readers: Set<string>; writers: Set<string> } {
  const writers = new Set(['root', worker, ...(rules?.admins ?? []), ...(rules?.writers ?? [])]);
  return { writers, readers: new Set([...writers, ...(rules?.readers ?? [])]) };
}

function isBelow(path: string, folder: string): boolean {
  return path.startsWith(folder.endsWith('/') ? folder : `${folder}/`);
}

function levelOf(
  entry: AccessEntry,
  parent: Level | undefined,
  subject: AccessSubject,
  named: ReadonlySet<string>,
  reported: ReadonlyMap<string, Wrong>,
): Level {
  return {
    path: entry.path,
    reach: (principal) =>
      (parent === undefined || parent.reach(principal)) && (bitsFor(entry, principal, subject) & 1) === 1,
    named,
    reported,
  };
}

/** The accounts that an entry's own permissions speak of. */
function principalsOf(entry: AccessEntry, subject: AccessSubject): Set<string> {
  const groups = [entry.group, ...(entry.acl?.groups.map((group) => group.name) ?? [])];
  return new Set([
    entry.owner,
    ...(entry.acl?.users.map((user) => user.name) ?? []),
    ...groups.flatMap((group) => subject.membersOf(group)),
  ]);
}

type AccessClass = 'owner' | 'user' | 'group' | 'other';

/** The first class that fits decides, as POSIX has it. Root can do what an owner can. */
function classOf(entry: AccessEntry, principal: string, subject: AccessSubject): AccessClass {
  if (principal === EVERYONE) return 'other';
  if (principal === 'root' || principal === entry.owner) return 'owner';
  if (entry.acl?.users.some((user) => user.name === principal)) return 'user';
  const groups = [entry.group, ...(entry.acl?.groups.map((group) => group.name) ?? [])];
  return groups.some((group) => subject.membersOf(group).includes(principal)) ? 'group' : 'other';
}

/** Among groups any that fits may grant. */
function bitsFor(entry: AccessEntry, principal: string, subject: AccessSubject): Bits {
  const { acl, mode } = entry;
  switch (classOf(entry, principal, subject)) {
    case 'owner':
      return 7;
    case 'user':
      return acl!.users.find((user) => user.name === principal)!.bits & acl!.mask;
    case 'group': {
      const owning = acl === undefined ? (mode >> 3) & 7 : acl.owningGroup & acl.mask;
      const named = acl?.groups.map((group) => ({ name: group.name, bits: group.bits & acl.mask })) ?? [];
      return [{ name: entry.group, bits: owning }, ...named]
        .filter((group) => subject.membersOf(group.name).includes(principal))
        .reduce((bits, group) => bits | group.bits, 0);
    }
    case 'other':
      return mode & 7;
  }
}

/** Of a folder, writing needs passing through as well; a sticky folder's others can still add to it. */
function wrongPermission(
  entry: AccessEntry,
  principal: string,
  subject: AccessSubject,
  readers: ReadonlySet<string>,
  writers: ReadonlySet<string>,
): Wrong | undefined {
  const bits = bitsFor(entry, principal, subject);
  const writes = (bits & 2) !== 0 && (!entry.isFolder || (bits & 1) !== 0);
  if (writes && !writers.has(principal)) return 'write';
  return (bits & 4) !== 0 && !readers.has(principal) ? 'read' : undefined;
}

function covers(reported: Wrong | undefined, wrong: Wrong): boolean {
  return reported === wrong || reported === 'write';
}

function describe(entry: AccessEntry, principal: string, wrong: Wrong, subject: AccessSubject): Finding {
  const isPublic = principal === EVERYONE;
  const who = isPublic ? 'every account of the machine' : `the account "${principal}"`;
  const allowed =
    subject.rules === undefined
      ? `only root${subject.worker === 'root' ? '' : ` and ${subject.worker}`} may`
      : 'the access rules do not name it';
  return {
    code: `access/${isPublic ? 'public-' : ''}${wrong}`,
    severity: 'critical',
    subject: entry.path,
    message: `${who} can ${wrong} ${entry.path}${how(entry, classOf(entry, principal, subject))}: ${isPublic ? 'the access rules do not allow it' : allowed}`,
    hint: mend(entry, principal, wrong, classOf(entry, principal, subject)),
  };
}

function how(entry: AccessEntry, by: AccessClass): string {
  const mode = octal(entry.mode);
  const group = `through group "${entry.group}"${entry.acl === undefined ? `, mode ${mode}` : ' or its ACL'}`;
  const words = { owner: 'as its owner', user: 'by its ACL', group, other: `mode ${mode}` };
  return ` (${words[by]})`;
}

/** The command that takes exactly this away; folders with all that is in them. */
function mend(entry: AccessEntry, principal: string, wrong: Wrong, by: AccessClass): string {
  const path = quote(entry.path);
  const deep = entry.isFolder ? '-R ' : '';
  const taken = wrong === 'write' ? 'w' : 'rwx';
  const ofGroup = `chmod ${deep}g-${taken} ${path}`;
  const commands = {
    owner: `chown ${deep}root ${path}`,
    user: `setfacl ${deep}-x u:${quote(principal)} ${path}`,
    group: entry.acl === undefined ? ofGroup : `setfacl ${deep}-b ${path} && ${ofGroup}`,
    other: `chmod ${deep}o-${taken} ${path}`,
  };
  return `Run: ${commands[by]}`;
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}

function quote(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
