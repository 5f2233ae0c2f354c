/** What holdfast's own identities may do at a remote location, asked there, against what their roles are for. */
import { HoldfastError, throwIfAborted } from '../common/errors.ts';
import type { LocationSettings } from '../domain/action.ts';
import { judgeRights, type RoleRights } from '../domain/remote-rights.ts';
import type { Finding } from '../domain/finding.ts';
import type { CallContext, Dependencies } from './dependencies.ts';

export interface RemotePlace {
  location: LocationSettings;
  path: string;
  /** The policy writes there; else it only reads. */
  isWritten: boolean;
}

/** Only roles that have an identity of their own are asked for; without any, the writer, which all act as. Of what is only read, the reader. */
export async function examineRemote(
  deps: Dependencies,
  { location, path, isWritten }: RemotePlace,
  context: CallContext,
): Promise<Finding[]> {
  const { identities = {} } = location;
  const roles = (['writer', 'maintainer', 'reader'] as const).filter((role) =>
    isWritten ? role === 'writer' || identities[role] !== undefined : role === 'reader',
  );
  const found: RoleRights[] = [];
  const findings: Finding[] = [];
  for (const role of roles) {
    throwIfAborted(context.signal);
    context.progress.report({ phase: `asking ${location.name} as ${role}` });
    try {
      const storage = await deps.openStorage(location, path, role);
      try {
        found.push({ role, ...(await storage.probeRights?.({ signal: context.signal })) });
      } finally {
        await storage.close();
      }
    } catch (error) {
      if (!(error instanceof HoldfastError) || error.code === 'Interrupted') throw error;
      findings.push(unexamined(location, role, error));
    }
  }
  return [...findings, ...judgeRights(location.name, found)];
}

function unexamined({ name }: LocationSettings, role: string, error: HoldfastError): Finding {
  return {
    code: 'access/unexamined',
    severity: 'warning',
    subject: name,
    message: `what the ${role} may do at the location ${name} could not be asked: ${error.message}`,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  };
}
