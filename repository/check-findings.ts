/** How damage that check found is told: one finding a problem, named by pack, blob and file. */
import type { Finding } from '../domain/finding.ts';

/** Every kind of damage, its weight, and what to do about it. */
const KINDS = {
  'repository/config-damaged': [
    'critical',
    'Bring the file back from a copy of the repository: nothing opens without it.',
  ],
  'repository/key-damaged': [
    'critical',
    'Bring the file back from a copy of the repository, or remove it and add a key for its password with "holdfast key".',
  ],
  'repository/lock-damaged': ['warning', 'Run "holdfast unlock": it removes a lock whose owner is dead.'],
  'repository/index-damaged': ['critical', 'Run "holdfast repair index" to write the index anew from the packs.'],
  'repository/pack-missing': ['critical', 'Bring the pack back from a copy of the repository.'],
  'repository/pack-size': ['critical', 'Bring the pack back from a copy of the repository.'],
  'repository/pack-damaged': [
    'critical',
    'Bring the pack back from a copy of the repository, or salvage it with "holdfast repair packs"; and check the disk.',
  ],
  'repository/pack-unindexed': ['notice', 'Nothing is lost: the next prune removes what interrupted work left behind.'],
  'repository/blob-damaged': [
    'critical',
    'Bring the pack back from a copy of the repository, or back the file up again.',
  ],
  'repository/blob-missing': [
    'critical',
    'Bring the pack back from a copy of the repository, or back the file up again.',
  ],
  'repository/tree-damaged': [
    'critical',
    'Bring the pack back from a copy of the repository, or run "holdfast repair snapshots".',
  ],
  'repository/snapshot-damaged': [
    'critical',
    'Bring the file back from a copy of the repository, or remove it with "holdfast repair snapshots --forget" and its id.',
  ],
} as const;

export type DamageKind = keyof typeof KINDS;

/** Packs that no index names may be what a lost index named: then they are no leftovers that prune may have. */
export function correctHints(findings: readonly Finding[]): void {
  const codes = new Set(findings.map(({ code }) => code));
  const indexIsLost = codes.has('repository/index-damaged') || codes.has('repository/blob-missing');
  if (!indexIsLost || !codes.has('repository/pack-unindexed')) return;
  for (const finding of findings) {
    if (finding.code === 'repository/pack-unindexed')
      finding.hint = 'It may hold what is missing: run "holdfast repair index", and check again.';
    if (finding.code === 'repository/blob-missing')
      finding.hint = `Run "holdfast repair index" first: packs that no index names may hold it. ${finding.hint}`;
  }
}

export function damage(kind: DamageKind, subject: string, message: string): Finding {
  const [severity, hint] = KINDS[kind];
  return { code: kind, severity, subject, message, hint };
}
