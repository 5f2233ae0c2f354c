import { expect, test } from 'vitest';
import type { AdoptionRecord } from '../../domain/adoption-record.ts';
import { buildAudit } from '../../domain/audit.ts';
import { renderAudit } from '../../domain/audit-text.ts';
import { sampleApply } from '../evidence/sample-records.ts';

function adoption(adoptedAt: string): AdoptionRecord {
  return {
    format: 'holdfast-adoption/1',
    id: `${adoptedAt.replaceAll(/[-:]|\.\d+/g, '')}-orders-1f2e3d4c`,
    adoptedAt,
    adoptedBy: 'alice@app-01',
    policy: 'orders',
    repository: 'offsite',
    repositoryId: '1f2e3d4c',
    snapshots: [
      { oldId: 'a', newId: 'b', time: '2026-11-01T02:00:00Z', hostname: 'app-01', paths: ['/srv'] },
      { oldId: 'c', newId: 'd', time: '2026-11-02T02:00:00Z', hostname: 'app-01', paths: ['/srv'] },
    ],
  };
}

test('snapshots that policies took in within the period are told, with who did it and where it is recorded', async () => {
  const audit = await buildAudit({
    applies: [sampleApply()],
    runs: [],
    adoptions: ['2026-11-24T09:00:00Z', '2026-11-23T10:00:00Z', '2026-11-22T10:00:00Z', '2026-11-25T10:00:00Z'].map(
      adoption,
    ),
    from: new Date('2026-11-23T00:00:00Z'),
    to: new Date('2026-11-25T00:00:00Z'),
  });
  expect(audit.adoptions).toEqual([
    expect.objectContaining({
      adoptedAt: '2026-11-23T10:00:00Z',
      adoptedBy: 'alice@app-01',
      policy: 'orders',
      snapshots: 2,
    }),
    expect.objectContaining({ record: '20261124T090000Z-orders-1f2e3d4c', repository: 'offsite' }),
  ]);
  expect(renderAudit(audit)).toMatch(
    /Adopted\n.*\n.*2026-11-23 10:00.* 2 +orders +offsite +alice@app-01 +adoptions\/20261123T100000Z-orders-1f2e3d4c\.json/,
  );
  const none = await buildAudit({ applies: [], runs: [], from: new Date(0), to: new Date(1) });
  expect(renderAudit(none)).not.toContain('Adopted');
});
