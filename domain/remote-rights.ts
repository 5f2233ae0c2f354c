/** Rights of holdfast's identities at a remote location: what each has, and what is more than its role is for. */
import type { Finding } from './finding.ts';

export interface RoleRights {
  role: 'writer' | 'maintainer' | 'reader';
  /** undefined: the server does not tell. */
  write?: boolean;
  remove?: boolean;
}

/**
 * A maintainer of its own says that the writer is meant to add alone, and a reader of its own that it is meant to read
 * alone. One notice tells what was found, because who else may reach the place cannot be seen from here.
 */
export function judgeRights(location: string, found: readonly RoleRights[]): Finding[] {
  const hasMaintainer = found.some(({ role }) => role === 'maintainer');
  const findings = found.flatMap(({ role, write, remove }): Finding[] => {
    const subject = location;
    if (role === 'reader' && (write === true || remove === true)) {
      const can = [...(write === true ? ['write'] : []), ...(remove === true ? ['delete'] : [])].join(' and ');
      const message = `nothing keeps the reader of the location ${location} from more than reading: it may ${can}`;
      return [
        {
          code: 'access/reader-writes',
          severity: 'warning',
          subject,
          message,
          hint: 'Give it an account that only reads.',
        },
      ];
    }
    if (role === 'writer' && hasMaintainer && remove === true) {
      const message = `nothing keeps the writer of the location ${location} from deleting, though a maintainer is there for it`;
      const hint =
        'Give the writer an account that may only add: whoever takes its machine over could delete the backups.';
      return [{ code: 'access/writer-deletes', severity: 'warning', subject, message, hint }];
    }
    if (role === 'writer' && write === false) {
      const message = `the writer of the location ${location} may not write`;
      return [
        { code: 'access/writer-denied', severity: 'warning', subject, message, hint: 'Let it add files or objects.' },
      ];
    }
    if (role === 'maintainer' && remove === false) {
      const message = `the maintainer of the location ${location} may not delete, so that nothing is ever freed there`;
      return [{ code: 'access/maintainer-denied', severity: 'warning', subject, message, hint: 'Let it delete.' }];
    }
    return [];
  });
  return [...findings, remote(location, found)];
}

/** The accounts of a server are its own: nothing tells from here who they are. */
function remote(location: string, found: readonly RoleRights[]): Finding {
  const told = found.map(
    ({ role, write, remove }) => `${role}: ${describe(write, 'write')}, ${describe(remove, 'delete')}`,
  );
  return {
    code: 'access/remote',
    severity: 'notice',
    subject: location,
    message: `at the location ${location} only holdfast's own identities were asked for their rights (${told.join('; ')})`,
    hint: 'Examine the other accounts of its server there.',
  };
}

function describe(may: boolean | undefined, verb: string): string {
  return may === undefined ? `${verb} not known` : `may ${may ? '' : 'not '}${verb}`;
}
