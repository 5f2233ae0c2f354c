import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { resolveSecret, type SecretSources } from '../../cli/resolve-secret.ts';

const folder = mkdtempSync(join(tmpdir(), 'holdfast-secret-'));
afterAll(() => rmSync(folder, { recursive: true }));
const sources: SecretSources = {
  environment: { TOKEN: 'from env\n', EMPTY: '', PATH: process.env['PATH'] },
  baseDirectory: folder,
  allowCommands: true,
};

test('a secret comes from the environment, a file or a program, without one trailing newline', async () => {
  writeFileSync(join(folder, 'password'), ' spaces stay \n\n');
  writeFileSync(join(folder, 'windows'), 'geheim\r\n');
  expect(await resolveSecret({ env: 'TOKEN' }, sources)).toBe('from env');
  expect(await resolveSecret({ file: 'password' }, sources)).toBe(' spaces stay \n');
  expect(await resolveSecret({ file: join(folder, 'windows') }, sources)).toBe('geheim');
  expect(await resolveSecret({ command: ['printf', 'a b\n'] }, sources)).toBe('a b');
});

test('a secret that is not there is named by its reference', async () => {
  await expect(resolveSecret({ env: 'NO_SUCH' }, sources)).rejects.toMatchObject({
    code: 'NotFound',
    message: 'the environment variable NO_SUCH, which holds a secret, is not set',
  });
  await expect(resolveSecret({ file: 'nowhere/x' }, sources)).rejects.toMatchObject({
    code: 'NotFound',
    message: `the secret file ${folder}/nowhere/x does not exist`,
  });
  await expect(resolveSecret({ file: '.' }, sources)).rejects.toMatchObject({ code: 'NotFound' });
  await expect(resolveSecret({ env: 'EMPTY' }, sources)).rejects.toMatchObject({ code: 'Usage' });
});

test('a program runs only where the operator allowed it', async () => {
  const refused = resolveSecret({ command: ['printf', 'x'] }, { ...sources, allowCommands: false });
  await expect(refused).rejects.toMatchObject({
    code: 'AccessDenied',
    hint: expect.stringContaining('--allow-commands'),
  });
});

test('neither what a failing program printed nor its arguments enter the error', async () => {
  const program = join(folder, 'fails');
  writeFileSync(program, '#!/bin/sh\necho s3cret\necho s3cret >&2\nexit 3\n');
  chmodSync(program, 0o755);
  const error: unknown = await resolveSecret({ command: [program, '--token=s3cret'] }, sources).catch(
    (e: unknown) => e,
  );
  expect(error).toMatchObject({ code: 'AccessDenied', message: `the secret program ${program} ended with status 3` });
  expect(JSON.stringify(error, Object.getOwnPropertyNames(error)) + String((error as Error).cause)).not.toContain(
    's3cret',
  );
});

test('a program that waits for an answer is stopped by an interrupt', async () => {
  const interrupt = new AbortController();
  const waiting = resolveSecret({ command: ['sleep', '30'] }, { ...sources, signal: interrupt.signal });
  setTimeout(() => interrupt.abort(), 50);
  await expect(waiting).rejects.toMatchObject({ code: 'Interrupted' });
});
