/** Runs a program to its end, as a person would, and hands back everything it said. */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { PROJECT_FOLDER } from './source-files.ts';

export interface CommandResult {
  status: number | null;
  stdout: string;
  stderr: string;
}

export interface CommandOptions {
  cwd: string;
  /** Besides the environment of a clean shell: HOME, PATH, the user's name. */
  environment?: Record<string, string>;
}

/** How npm and Go reach their registries from here. */
const REACHING_THE_NETWORK = [
  ...['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'SSL_CERT_DIR', 'npm_config_cafile', 'npm_config_registry'],
  ...['npm_config_cache', 'npm_config_userconfig', 'GOPATH', 'GOPROXY', 'GOSUMDB', 'GOFLAGS', 'GOCACHE'],
];

/** What a shell has, and nothing that the test runner or npm added. */
export function cleanEnvironment(more: Record<string, string> = {}): Record<string, string> {
  const kept = ['HOME', 'USER', 'LOGNAME', 'LANG', 'TMPDIR', 'XDG_CACHE_HOME', ...REACHING_THE_NETWORK];
  const inherited = Object.entries(process.env).filter(([name]) => kept.includes(name) || /proxy$/i.test(name));
  const binaries = path.join(PROJECT_FOLDER, 'node_modules', '.bin');
  return {
    ...Object.fromEntries(inherited.map(([name, value]) => [name, value ?? ''])),
    PATH: `${binaries}${path.delimiter}${process.env['PATH'] ?? ''}`,
    ...more,
  };
}

export function runCommand(program: string, args: string[], options: CommandOptions): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: options.cwd, env: cleanEnvironment(options.environment) });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.on('error', reject).on('close', (status) => resolve({ status, stdout, stderr }));
    child.stdin.end();
  });
}

/** Like `runCommand`; any other status than 0 is an error that tells what the program said. */
export async function runSuccessfully(
  program: string,
  args: string[],
  options: CommandOptions,
): Promise<CommandResult> {
  const result = await runCommand(program, args, options);
  if (result.status === 0) return result;
  throw new Error(`${program} ${args.join(' ')} ended with ${result.status}\n${result.stdout}\n${result.stderr}`);
}
