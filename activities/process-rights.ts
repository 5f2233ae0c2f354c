/** What this process may do beyond its account's own rights, from the kernel's list of its capabilities. */
import { readFileSync } from 'node:fs';

/** `capabilities(7)`. */
const CAP_CHOWN = 0n;
const CAP_DAC_OVERRIDE = 1n;

export interface ProcessRights {
  /** May give files to other accounts. */
  changesOwners: boolean;
  /** Reads and writes whatever the permissions say. */
  overridesPermissions: boolean;
}

/** Root of a container may lack what root of a machine has; without `/proc`, root counts as having all. */
export function readProcessRights(): ProcessRights {
  const effective = readEffective();
  const has = (capability: bigint): boolean => ((effective >> capability) & 1n) === 1n;
  return { changesOwners: has(CAP_CHOWN), overridesPermissions: has(CAP_DAC_OVERRIDE) };
}

function readEffective(): bigint {
  try {
    const line = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'));
    if (line?.[1] !== undefined) return BigInt(`0x${line[1]}`);
  } catch {
    // Another system than Linux.
  }
  return process.getuid?.() === 0 ? ~0n : 0n;
}
