import { expect, test } from 'vitest';
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
