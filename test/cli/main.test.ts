import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { expect, test } from 'vitest';
import { COMMAND_GROUPS } from '../../cli/command-table.ts';
import { CLI, runCli } from './run-cli.ts';

const names = COMMAND_GROUPS.flatMap((group) => group.commands.map((command) => command.name));

test('help groups all commands by what they are for', async () => {
  const { status, stdout, stderr } = await runCli(['--help']);
  expect([status, stderr]).toEqual([0, '']);
  for (const { heading, commands } of COMMAND_GROUPS) {
    const section = stdout.slice(stdout.indexOf(`${heading}:`)).split('\n\n')[0]!;
    for (const { name, summary } of commands) {
      expect(section).toContain(name);
      expect(section.replaceAll(/\s+/g, ' ')).toContain(summary);
    }
  }
});

test('every command explains itself and its options', { timeout: 120_000 }, async () => {
  for (const name of names) {
    const { status, stdout, stderr } = await runCli([name, '--help']);
    expect([name, status, stderr]).toEqual([name, 0, '']);
    expect(stdout).toContain(`Usage: holdfast ${name}`);
    expect(stdout).toContain('--json');
  }
});

test('a misspelt command or option exits 2 and is told what was meant', async () => {
  const command = await runCli(['vesion']);
  expect(command).toEqual({
    status: 2,
    stdout: '',
    stderr: 'error: unknown command "vesion"\n  → did you mean version? See holdfast --help\n',
  });
  const option = await runCli(['version', '--jsom']);
  expect(option.status).toBe(2);
  expect(option.stderr).toBe('error: unknown option "--jsom"\n  → did you mean --json? See holdfast version --help\n');
});

test('global options work before and after the command, and an error is one JSON document with --json', async () => {
  const before = await runCli(['--json', 'version']);
  const after = await runCli(['version', '--json']);
  expect(before.stdout).toBe(after.stdout);
  expect(JSON.parse(before.stdout)).toMatchObject({ holdfast: expect.any(String), node: process.versions.node });
  const failed = await runCli(['vesion', '--json']);
  expect(failed.stderr).toBe('');
  expect(JSON.parse(failed.stdout)).toEqual({
    error: { code: 'Usage', message: 'unknown command "vesion"', hint: expect.any(String), exitStatus: 2 },
  });
});

test('a misspelt option without a command exits 2 instead of showing help', async () => {
  const bare = await runCli(['--jsom']);
  expect(bare).toEqual({ status: 2, stdout: '', stderr: 'error: unknown option "--jsom"\n  → see holdfast --help\n' });
  expect((await runCli(['-qv'])).status).toBe(0);
});

test('an answer that meets a full disk ends with one error', () => {
  const script = `"${process.execPath}" "${CLI}" completion bash > /dev/full`;
  const { status, stderr } = spawnSync('bash', ['-c', script], { encoding: 'utf8', timeout: 20_000 });
  expect(stderr).toMatch(/^error: the answer could not be written whole \(ENOSPC\)\n {2}→ [^\n]*\n$/);
  expect(status).toBe(6);
});

test('a reader that goes away is no error', () => {
  const script = `"${process.execPath}" "${CLI}" completion bash | head -1; echo "\${PIPESTATUS[0]}"`;
  const { stdout, stderr } = spawnSync('bash', ['-c', script], { encoding: 'utf8' });
  expect(stderr).toBe('');
  expect(stdout).toBe('# bash completion of holdfast, made by: holdfast completion bash\n0\n');
});

test('the bash completion offers commands and the options of the one typed', async () => {
  const { stdout } = await runCli(['completion', 'bash']);
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-completion-'));
  try {
    writeFileSync(join(folder, 'holdfast.bash'), stdout);
    const complete = (...words: string[]): string[] => {
      const script = `source ${folder}/holdfast.bash; COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}; _holdfast; echo "\${COMPREPLY[@]}"`;
      return execFileSync('bash', ['-c', script], { encoding: 'utf8' }).trim().split(' ');
    };
    expect(complete('holdfast', 'vers')).toEqual(['version']);
    expect(complete('holdfast', 'version', '--js')).toEqual(['--json']);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('doctor examines the machine and says so as data too', async () => {
  const { status, stdout } = await runCli(['doctor', '--json']);
  const { ready, examinations } = JSON.parse(stdout) as {
    ready: boolean;
    examinations: { name: string; state: string }[];
  };
  expect(status).toBe(ready ? 0 : 7);
  expect(examinations.find(({ name }) => name === 'Node')).toMatchObject({ state: 'ok' });
  const bare = await runCli(['doctor'], { environment: { PATH: '/nonexistent' } });
  expect(bare.status).toBe(7);
  expect(bare.stdout).toMatch(/MISSING {2}git .*\n.*→ /);
});

test('a command of the language that is not built yet says so', async () => {
  const { status, stderr } = await runCli(['review', 'acme']);
  expect([status, stderr]).toEqual([2, expect.stringContaining('the command "review" is not built yet')]);
});

test('colours appear on a terminal alone, and never against the person’s will', () => {
  const onTerminal = (environment: Record<string, string>, ...args: string[]): string => {
    const command = [process.execPath, CLI, 'doctor', ...args].join(' ');
    const env = { PATH: process.env['PATH'], TERM: 'xterm', ...environment };
    return spawnSync('script', ['-qec', command, '/dev/null'], { encoding: 'utf8', env }).stdout;
  };
  expect(onTerminal({})).toContain('\x1b[32m');
  expect(onTerminal({}, '--no-color')).not.toContain('\x1b[');
  expect(onTerminal({ NO_COLOR: '1' })).not.toContain('\x1b[');
  expect(onTerminal({ TERM: 'dumb' })).not.toContain('\x1b[');
});

/** The system's own Node, when it is too old for holdfast: those of the PATH without node_modules. */
const olderNode = (process.env['PATH'] ?? '')
  .split(delimiter)
  .filter((folder) => folder !== '' && !folder.includes('node_modules'))
  .map((folder) => join(folder, 'node'))
  .find((path) => /^v(1\d|2[0-3])\./.test(spawnSync(path, ['--version'], { encoding: 'utf8' }).stdout ?? ''));

test.skipIf(olderNode === undefined)('an older Node is told what is needed, and nothing else', () => {
  const { status, stderr } = spawnSync(olderNode!, [CLI, 'version'], { encoding: 'utf8' });
  expect([status, stderr.split('\n')]).toEqual([
    2,
    [expect.stringContaining('holdfast needs Node 24 or later; this is v'), expect.stringContaining('npm ci'), ''],
  ]);
});
