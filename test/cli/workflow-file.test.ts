/** The workflow of `init --ci github`: its own steps, run as GitHub's runner would, on a real repository and engine. */
import { execFile } from 'node:child_process';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { expect } from 'vitest';
import { parse } from 'yaml';
import { requirePeer } from '../peers.ts';
import { createProject } from './project-fixture.ts';
import { CLI } from './run-cli.ts';

const temporal = requirePeer('temporal');

interface Step {
  name?: string;
  run?: string;
  env?: Record<string, string>;
}

temporal.it(
  'the workflow validates, plans, and applies what is merged; what protects less waits for a person',
  async () => {
    await using project = await createProject({ temporal });
    const { directory } = project;
    const written = await project.holdfast(['init', '--ci', 'github']);
    expect([written.status, written.stderr]).toEqual([0, '']);
    expect((await project.holdfast(['init', '--ci', 'github'])).status).not.toBe(0);
    const file = join(directory, '.github', 'workflows', 'holdfast.yml');
    const { on, jobs } = parse(await readFile(file, 'utf8')) as {
      on: { pull_request: { paths: string[] } };
      jobs: Record<'plan' | 'apply', { steps: Step[] }>;
    };
    expect(on.pull_request.paths).toEqual(['policies/**', '.github/workflows/holdfast.yml']);

    await mkdir(join(directory, 'node_modules', '.bin'), { recursive: true });
    await symlink(CLI, join(directory, 'node_modules', '.bin', 'holdfast'));
    await writeFile(join(directory, 'package.json'), '{}\n');
    await project.git('init', '-q');
    await project.git('add', '.github', 'policies', '.gitignore');
    await project.git('commit', '-qm', 'Protect the orders');
    /** The step's own text, in the shell that GitHub gives it. */
    const step = (job: 'plan' | 'apply', name: string, environment: Record<string, string> = {}) => {
      const text = jobs[job].steps.find((each) => each.name === name)!.run!;
      return new Promise<{ status: number; said: string }>((resolve) => {
        const env = {
          PATH: [dirname(process.execPath), process.env['PATH']].join(delimiter),
          HOME: directory,
          CI: 'true',
          GITHUB_STEP_SUMMARY: join(directory, 'summary.md'),
          HOLDFAST_TEMPORAL_CLI: temporal.command,
          ORDERS_PASSWORD: 'secret',
          ...environment,
        };
        execFile('bash', ['-e', '-c', text], { cwd: directory, env }, (error, stdout, stderr) => {
          resolve({ status: error === null ? 0 : Number(error.code), said: stdout + stderr });
        });
      });
    };
    expect(await step('plan', 'Validate')).toMatchObject({ status: 0 });
    expect(await step('plan', 'Findings for code scanning')).toMatchObject({ status: 0 });
    expect(JSON.parse(await readFile(join(directory, 'holdfast.sarif'), 'utf8'))).toMatchObject({ version: '2.1.0' });
    expect(await step('plan', 'Plan')).toMatchObject({ status: 0 });
    expect(await readFile(join(directory, 'summary.md'), 'utf8')).toMatch(
      /^```\n[^]*\+ backup\/main[^]*to create[^]*```\n$/,
    );
    expect(await step('apply', 'Apply')).toMatchObject({ status: 0, said: expect.stringContaining('applied commit') });

    const policies = join(directory, 'policies', 'orders.yaml');
    const text = await readFile(policies, 'utf8');
    expect(text).toContain('restoreTest:');
    await writeFile(policies, text.replace(/^ {2}restoreTest:.*\n/m, ''));
    await project.git('commit', '-qam', 'Test no restores');
    expect(await step('apply', 'Apply')).toMatchObject({ status: 8, said: expect.stringContaining('--allow-weaker') });
    const env = { ALLOW_WEAKER: '--allow-weaker' };
    expect(await step('apply', 'Apply', env)).toMatchObject({
      status: 0,
      said: expect.stringContaining('applied commit'),
    });

    await writeFile(policies, `${text}  surprise: 1\n`);
    const wrong = await step('plan', 'Validate');
    expect(wrong).toMatchObject({
      status: 2,
      said: expect.stringContaining('::error file=policies/orders.yaml,line='),
    });
    // The log is written all the same, for the page of findings.
    expect(await step('plan', 'Findings for code scanning')).toMatchObject({ status: 0 });
    expect(await readFile(join(directory, 'holdfast.sarif'), 'utf8')).toContain('surprise');
  },
  120_000,
);
