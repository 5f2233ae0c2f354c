/** The runs whose histories are kept: each workflow in each of the ways it can go. */
import type { ActionKind, ActionSettings, ActionRequest } from '../../domain/action.ts';
import { ACTION_ORDER } from '../../domain/action.ts';
import type { ActionOutcome, RunFigures } from '../../domain/run-record.ts';

export const HISTORY_HOST = 'app-01';

/** `interrupted`: the worker stops in the middle, and another goes on. `recorded-later`: evidence is out of reach at the end. */
export type Course = 'succeeds' | 'fails' | 'is-cancelled' | 'is-interrupted' | 'is-scheduled' | 'is-recorded-later';

export interface HistoryCase {
  name: string;
  course: Course;
  request: ActionRequest;
}

const EVERY_COURSE: Course[] = ['succeeds', 'fails', 'is-cancelled', 'is-scheduled'];

export function historyCases(): HistoryCase[] {
  const cases = ACTION_ORDER.flatMap((kind) => EVERY_COURSE.map((course) => historyCase(kind, course)));
  return [...cases, historyCase('backup', 'is-interrupted'), historyCase('audit', 'is-recorded-later')];
}

function historyCase(kind: ActionKind, course: Course): HistoryCase {
  const id = `policy/${course}/${kind}`;
  return {
    name: `${kind}-${course}`,
    course,
    request: {
      action: {
        id,
        kind,
        policy: course,
        target: 'vault',
        schedule: {
          timing: { kind: 'interval', everySeconds: 86_400, offsetSeconds: 0 },
          jitterSeconds: 0,
          timeoutSeconds: 3600,
          missed: 'latest',
        },
        // Workflows hand the settings on and look at none of them.
        settings: { kind } as ActionSettings,
        ...(kind === 'backup' ? { host: HISTORY_HOST } : {}),
        offlineToleranceSeconds: 0,
        digest: 'd'.repeat(64),
      },
      commit: { hash: 'c'.repeat(40), dirty: false },
      applyId: '20261123T014730Z-1f2e3d4c',
      evidence: { location: { name: 'evidence', local: { path: '/tmp/holdfast-histories' } }, path: '' },
      trigger: course === 'is-scheduled' ? 'schedule' : 'once',
    },
  };
}

/** Figures as long as the workflow does not look at them. */
export function someOutcome(kind: ActionKind): ActionOutcome {
  return {
    figures: { kind } as RunFigures,
    findings: [
      { code: 'source/changed', severity: 'notice', subject: '/srv/orders/a', message: 'changed while it was read' },
    ],
    ...(kind === 'backup'
      ? { snapshot: { repository: 'vault', repositoryId: 'e'.repeat(64), snapshotId: 'f'.repeat(64) } }
      : {}),
  };
}
