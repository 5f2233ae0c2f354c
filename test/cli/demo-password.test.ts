import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';

const script = fileURLToPath(new URL('../../cli/demo-password.ts', import.meta.url));
let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'holdfast-demo-'))));
afterEach(() => rmSync(folder, { recursive: true }));

test('makes a password that only this account can read, once', () => {
  execFileSync(process.execPath, [script], { cwd: folder });
  const path = join(folder, '.holdfast/demo.password');
  const password = readFileSync(path, 'utf8');
  expect(password).toMatch(/^[\w-]{43}\n$/);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(statSync(join(folder, '.holdfast')).mode & 0o777).toBe(0o700);
  execFileSync(process.execPath, [script], { cwd: folder });
  expect(readFileSync(path, 'utf8')).toBe(password);
});

test('makes no new password beside a repository that has lost its own', () => {
  mkdirSync(join(folder, '.holdfast/vault/demo'), { recursive: true });
  writeFileSync(join(folder, '.holdfast/vault/demo/config'), 'x');
  const { status, stderr } = spawnSync(process.execPath, [script], { cwd: folder, encoding: 'utf8' });
  expect(status).toBe(12);
  expect(stderr).toContain('exists, but its password .holdfast/demo.password is gone');
  expect(stderr).not.toContain('    at ');
});
