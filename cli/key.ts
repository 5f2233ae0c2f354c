/** `holdfast key`: the passwords that open a repository. */
import { Argument } from 'commander';
import { HoldfastError } from '../common/errors.ts';
import { addKey, listKeys, removeKey, selectKey, type KeyDescription } from '../repository/keys.ts';
import type { Repository } from '../repository/repository.ts';
import type { CliCommand, CliContext } from './command.ts';
import { displayText, displayTime, shortId } from './display.ts';
import { ExitStatus } from './exit-status.ts';
import { addRepositoryOptions, withRepository, type Access, type RepositoryOptions } from './open-from-options.ts';
import { resolveSecret } from './resolve-secret.ts';
import { renderTable } from './table.ts';

type Action = 'list' | 'add' | 'remove' | 'passwd';

interface Options extends RepositoryOptions {
  newPasswordFile?: string;
  newPasswordCommand?: string;
}

const ACCESS: Record<Action, Access> = {
  list: { role: 'reader', lock: 'reading' },
  add: { role: 'writer', lock: 'shared' },
  remove: { role: 'maintainer', lock: 'exclusive' },
  passwd: { role: 'maintainer', lock: 'exclusive' },
};

const COLUMNS = [{ heading: '' }, { heading: 'ID' }, { heading: 'User' }, { heading: 'Host' }, { heading: 'Created' }];

export const command: CliCommand<Options> = {
  configure(command) {
    command
      .description(
        'Lists the keys of a repository (* is the one in use), adds one with a new password, removes one, or changes the ' +
          'password of the one in use. Every key opens all data; the key in use is never removed.',
      )
      .addArgument(new Argument('<action>', 'what to do').choices(Object.keys(ACCESS)))
      .argument('[id]', 'which key to remove: an id, or a unique prefix of one')
      .option('--new-password-file <file>', 'the file that holds the new password')
      .option('--new-password-command <command>', 'a shell command that prints the new password');
    addRepositoryOptions(command).addHelpText(
      'after',
      '\nWithout --new-password-file and --new-password-command the new password is asked for. A removed password opens the\nrepository no more, but whoever had it may have kept the key to the data.',
    );
  },

  async run(context, { args, options }) {
    const [action, id] = args as [Action, string | undefined];
    if ((action === 'remove') !== (id !== undefined))
      throw new HoldfastError('Usage', action === 'remove' ? 'no key is named' : `key ${action} takes no id`, {
        hint: 'see holdfast key --help',
      });
    return withRepository(context, options, ACCESS[action], async (repository, signal) => {
      if (action === 'list') await list(context, repository, signal);
      else if (action === 'remove') await remove(context, repository, id ?? '', signal);
      else await add(context, repository, options, { signal, replace: action === 'passwd' });
      return ExitStatus.done;
    });
  },
};

async function list(context: CliContext, repository: Repository, signal: AbortSignal): Promise<void> {
  const { output, json } = context;
  const keys = await listKeys(repository, { signal });
  if (json)
    output.json(
      keys.map(({ id, username, hostname, created }) => ({
        current: id === repository.keyId,
        id,
        userName: username,
        hostName: hostname,
        created,
      })),
    );
  const rows = keys.map((key) => [key.id === repository.keyId ? '*' : '', shortId(key.id), ...describe(key)]);
  for (const line of renderTable(COLUMNS, rows, output.columns)) output.line(line);
}

function describe({ username, hostname, created }: KeyDescription): string[] {
  if (created === undefined) return ['(damaged)', '', ''];
  return [displayText(username ?? ''), displayText(hostname ?? ''), displayTime(created)];
}

async function remove(context: CliContext, repository: Repository, wanted: string, signal: AbortSignal): Promise<void> {
  const { id } = selectKey(await listKeys(repository, { signal }), wanted);
  await removeKey(repository, id, repository.keyId, { signal });
  if (context.json) context.output.json({ removed: id });
  context.output.say(`removed key ${shortId(id)}`);
}

/** The new key is in place, and proved to open, before the old one goes: stopped at any moment, one of the passwords opens. */
async function add(
  context: CliContext,
  repository: Repository,
  options: Options,
  { signal, replace }: { signal: AbortSignal; replace: boolean },
): Promise<void> {
  const { output, json } = context;
  const password = await readNewPassword(context, options);
  const added = await addKey(repository, password, { signal, now: context.now() });
  const removed = replace ? repository.keyId : undefined;
  if (removed !== undefined) await removeKey(repository, removed, added, { signal });
  if (json) output.json({ added, ...(removed !== undefined && { removed }) });
  output.say(`added key ${shortId(added)}${removed === undefined ? '' : `, removed key ${shortId(removed)}`}`);
}

async function readNewPassword(context: CliContext, options: Options): Promise<string> {
  const { environment, directory, signal } = context;
  const sources = { environment, baseDirectory: directory, allowCommands: true, signal };
  const { newPasswordFile: file, newPasswordCommand: shell } = options;
  if (file !== undefined && shell !== undefined)
    throw new HoldfastError('Usage', 'both --new-password-file and --new-password-command are given', {
      hint: 'give the new password once',
    });
  if (file !== undefined) return resolveSecret({ file }, sources);
  if (shell !== undefined) return resolveSecret({ command: ['/bin/sh', '-c', shell] }, sources);
  if (!context.interactive)
    throw new HoldfastError('Usage', 'no new password is given', {
      hint: 'give --new-password-file FILE or --new-password-command COMMAND',
    });
  const { askPassword } = await import('./ask-password.ts');
  const password = await askPassword('new password: ', signal);
  if ((await askPassword('the same again: ', signal)) !== password)
    throw new HoldfastError('Usage', 'the two passwords differ', { hint: 'run the command again' });
  return password;
}
