import { readFile, readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Worker } from '@temporalio/worker';
import { beforeAll, describe, expect, it } from 'vitest';
import { keepBundle } from '../../engine/keep-bundle.ts';
import { installRuntime } from '../../engine/runtime.ts';
import { PROJECT_FOLDER } from '../source-files.ts';
import { historyCases } from './history-cases.ts';

const FOLDER = fileURLToPath(new URL('./histories/', import.meta.url));

describe('The saved histories', () => {
  beforeAll(() => installRuntime(() => {}));

  it('cover every workflow in every course', async () => {
    const saved = (await readdir(FOLDER)).toSorted();
    expect(saved).toEqual(
      historyCases()
        .map(({ name }) => `${name}.json`)
        .toSorted(),
    );
  });

  it('are replayed by the workflows of today: runs that are open anywhere go on', async () => {
    const histories = await Promise.all(
      historyCases().map(async ({ name, request }) => ({
        // Ids of child workflows are made of it.
        workflowId: `${request.action.id}/now`,
        history: JSON.parse(await readFile(`${FOLDER}${name}.json`, 'utf8')) as unknown,
      })),
    );
    const failed: string[] = [];
    const workflowBundle = { code: await keepBundle(PROJECT_FOLDER) };
    for await (const { workflowId, error } of Worker.runReplayHistories({ workflowBundle }, histories))
      if (error !== undefined) failed.push(`${workflowId}: ${error.message}`);
    expect(failed).toEqual([]);
  });

  it('name no path or host of the machine that saved them', async () => {
    for (const name of await readdir(FOLDER)) {
      const text = await readFile(FOLDER + name, 'utf8');
      const payloads = [...text.matchAll(/"data": "([A-Za-z0-9+/=]+)"/g)].map(([, data]) =>
        Buffer.from(data!, 'base64').toString(),
      );
      expect([text, ...payloads].join('\n'), name).not.toMatch(/\/(work|root|home|Users)\//);
    }
  });
});
