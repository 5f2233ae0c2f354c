import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { explainKinds, explainPath } from '../../schemas/explain-path.ts';
import { PROJECT_FOLDER } from '../source-files.ts';
import { runCli } from './run-cli.ts';

test('a part is explained with its meaning, its example and its schema', async () => {
  const { status, stdout } = await runCli(['schema', 'repository.prune.maxUnused']);
  expect(status).toBe(0);
  expect(stdout).toBe(
    'repository.spec.prune.maxUnused  share\n\nShare of the repository that may stay unused.\n\nDefault: 5%\n\nExample:\n  maxUnused: 5%\n\nSchema: {"type":"string","pattern":"^(100|\\\\d{1,2}(\\\\.\\\\d{1,6})?)%$"}\n',
  );
});

test('a part that is not built says so', async () => {
  expect((await runCli(['schema', 'location.immutability'])).stdout).toContain('Not built yet');
  expect(JSON.parse((await runCli(['schema', 'location.immutability', '--json'])).stdout)).toMatchObject({
    built: false,
  });
  expect(JSON.parse((await runCli(['schema', 'location.local', '--json'])).stdout)).toMatchObject({ built: true });
});

test('a misspelt part is corrected, exit 2', async () => {
  const { status, stderr } = await runCli(['schema', 'policy.bakup']);
  expect([status, stderr]).toEqual([2, expect.stringContaining('did you mean "backup"?')]);
});

test('without a part it lists the kinds', async () => {
  expect((await runCli(['schema'])).stdout).toContain('PolicySet');
});

test('the reference is one page with every key, and the committed one is it', async () => {
  const { status, stdout } = await runCli(['schema', '--markdown']);
  expect(status).toBe(0);
  // If this fails: npm run generate.
  expect(readFileSync(join(PROJECT_FOLDER, 'schemas/reference.md'), 'utf8')).toBe(stdout);
  const headings = new Set([...stdout.matchAll(/^##+ (.+)$/gm)].map(([, heading]) => heading));
  const open = explainKinds().map(({ key }) => key.toLowerCase());
  let keys = 0;
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    expect(headings).toContain(path);
    for (const { key, description } of explainPath(path).keys) {
      expect(stdout).toContain(`${description.replaceAll('|', String.raw`\|`)} |`);
      keys++;
      const below = explainPath(`${path}.${key}`);
      if (below.keys.length > 0) open.push(below.path);
    }
  }
  expect(keys).toBeGreaterThan(300);
  const anchors = new Set([...headings].map((heading) => heading!.toLowerCase().replaceAll('.', '')));
  for (const [, target] of stdout.matchAll(/\]\(#([^)]+)\)/g)) expect(anchors).toContain(target);
});

test('the reference is of the whole language, and Markdown', async () => {
  const part = await runCli(['schema', 'policy', '--markdown']);
  expect([part.status, part.stderr]).toEqual([2, expect.stringContaining('leave "policy" out')]);
  expect((await runCli(['schema', '--markdown', '--json'])).status).toBe(2);
});
