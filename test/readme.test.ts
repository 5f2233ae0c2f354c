/** The README says what is true: its commands exist, its links lead somewhere, its marked blocks run on a clean checkout. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { COMMAND_GROUPS } from '../cli/command-table.ts';
import { makeCleanCheckout } from './clean-checkout.ts';
import { requirePeer } from './peers.ts';
import { PROJECT_FOLDER, readSource } from './source-files.ts';

const DOCUMENTS = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md'];
const MINUTES = 60_000;
const temporal = requirePeer('temporal');

/** A block that a comment `<!-- run -->` precedes; blocks run in order, in one checkout. */
const MARKED_BLOCK = /<!-- run -->\s*```sh\n([\s\S]*?)```/g;

describe.each(DOCUMENTS)('%s', (document) => {
  const text = readSource(document);

  it('names only commands that exist', () => {
    const known = new Set(COMMAND_GROUPS.flatMap((group) => group.commands.map((command) => command.name)));
    const code = [...text.matchAll(/```sh\n([\s\S]*?)```|`([^`\n]+)`|^ {4}(\S.*)$/gm)].map((match) =>
      match.slice(1).join(''),
    );
    const named = code.flatMap((each) =>
      [...each.matchAll(/\bholdfast ([a-z][a-z-]*)/g)].map((match) => match[1] ?? ''),
    );
    expect(named.filter((name) => !known.has(name))).toEqual([]);
    const scripts = (JSON.parse(readSource('package.json')) as { scripts: Record<string, string> }).scripts;
    const run = code.flatMap((each) => [...each.matchAll(/npm run ([a-z:]+)/g)].map((match) => match[1] ?? ''));
    expect(run.filter((name) => !(name in scripts))).toEqual([]);
  });

  it('links only to files that exist', () => {
    const links = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map((match) => match[1] ?? '');
    expect(links.filter((link) => !existsSync(path.join(PROJECT_FOLDER, link)))).toEqual([]);
  });

  it('names only files of the project that exist', () => {
    const paths = [
      ...text.matchAll(
        /`((?:cli|schemas|domain|workflows|activities|repository|files|storage|evidence|engine|common|bench|test)\/[a-z/.-]+)`/g,
      ),
    ];
    const named = paths.map((match) => match[1] ?? '');
    expect(named.filter((file) => !existsSync(path.join(PROJECT_FOLDER, file)))).toEqual([]);
  });
});

temporal.it(
  'runs, block after block, as the README has it',
  async () => {
    const blocks = [...readSource('README.md').matchAll(MARKED_BLOCK)].map((match) => match[1] ?? '');
    expect(blocks.length).toBeGreaterThan(2);
    const checkout = await makeCleanCheckout({ HOLDFAST_TEMPORAL_CLI: temporal.command, CI: '1' });
    try {
      await checkout.run('git', ['config', 'user.name', 'A Newcomer']);
      await checkout.run('git', ['config', 'user.email', 'newcomer@localhost']);
      for (const block of blocks) await checkout.run('bash', ['-euo', 'pipefail', '-c', block]);
    } finally {
      await checkout.remove();
    }
  },
  10 * MINUTES,
);
