/** The README says what is true: its commands exist, its links lead somewhere, its marked blocks run on a clean checkout. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COMMAND_GROUPS } from '../cli/command-table.ts';
import { makeCleanCheckout, type CleanCheckout } from './clean-checkout.ts';
import { requirePeer } from './peers.ts';
import { checkFiles } from './schemas/check-files.ts';
import { appendOnlyOptions } from './servers/sshd.ts';
import { PROJECT_FOLDER, readSource } from './source-files.ts';

const DOCUMENTS = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md'];
const MINUTES = 60_000;
const temporal = requirePeer('temporal');
const restic = requirePeer('restic');

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

describe('the recommended set-ups of the README', () => {
  const text = readSource('README.md');

  it('are locations that holdfast accepts', async () => {
    const blocks = [...text.matchAll(/```yaml\n(apiVersion[\s\S]*?)```/g)].map((match) => match[1] ?? '');
    expect(blocks.map((block) => /name: (\w+)/.exec(block)?.[1])).toEqual(['vault', 'bucket']);
    for (const block of blocks) expect((await checkFiles({ 'location.yaml': block })).problems).toEqual([]);
  });

  it('have the line of authorized_keys with which the tests make a writer who can only add', () => {
    expect(text).toContain(`    ${appendOnlyOptions('/srv/vault')} ssh-ed25519 `);
  });
});

temporal.describe('the marked blocks of the README, one after the other', () => {
  const blocks = [...readSource('README.md').matchAll(MARKED_BLOCK)].map((match) => match[1] ?? '');
  let checkout: CleanCheckout;

  beforeAll(async () => {
    checkout = await makeCleanCheckout({ HOLDFAST_TEMPORAL_CLI: temporal.command });
  });
  afterAll(() => checkout.remove());

  for (const block of blocks) {
    const peer = block.startsWith('restic ') ? restic : { it };
    const run = (): Promise<unknown> => checkout.run('bash', ['-euo', 'pipefail', '-c', block]);
    peer.it(`run: ${block.split('\n')[0]}`, async () => void (await run()), 5 * MINUTES);
  }

  it('restore the file that they protect, each time the same', async () => {
    expect(blocks.length).toBeGreaterThan(6);
    const parent = path.dirname(checkout.path);
    const ledger = path.join(parent, 'orders', 'ledger.txt');
    for (const target of ['restored', 'restored-2', 'restored-3']) {
      expect(await readFile(path.join(parent, target, ledger), 'utf8')).toBe('order 1: two apples\n');
    }
  });
});
