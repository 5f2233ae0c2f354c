/** The options of a second repository, that a command reads from: each begins with `--from-`. */
import type { Command } from 'commander';
import type { RepositoryOptions } from './open-from-options.ts';

export interface FromOptions {
  fromRepository?: string;
  fromRepo?: string;
  fromEndpoint?: string;
  fromRegion?: string;
  fromPasswordFile?: string;
  fromPasswordCommand?: string;
}

export function addFromOptions(command: Command): Command {
  return command
    .optionsGroup('Which repository to read from:')
    .option('--from-repository <name>', 'a repository of the policies')
    .option('--from-repo <where>', 'a repository anywhere: a path, or a URL as with --repo')
    .option('--from-endpoint <url>', 'with --from-repo s3:// or gs://: the service, when it is not AWS or Google')
    .option('--from-region <name>', 'with --from-repo s3://: the region of the bucket')
    .option('--from-password-file <file>', 'with --from-repo: the file that holds its password')
    .option('--from-password-command <command>', 'with --from-repo: a shell command that prints its password');
}

/** Of the repository that is read; policies, locks and waiting are as for the other one. */
export function fromRepositoryOptions(options: FromOptions & RepositoryOptions): RepositoryOptions {
  const { fromRepository, fromRepo, fromEndpoint, fromRegion } = options;
  const { fromPasswordFile, fromPasswordCommand, policies, lock, waitLock } = options;
  return {
    ...(fromRepository === undefined ? {} : { repository: fromRepository }),
    ...(fromRepo === undefined ? {} : { repo: fromRepo }),
    ...(fromEndpoint === undefined ? {} : { endpoint: fromEndpoint }),
    ...(fromRegion === undefined ? {} : { region: fromRegion }),
    ...(fromPasswordFile === undefined ? {} : { passwordFile: fromPasswordFile }),
    ...(fromPasswordCommand === undefined ? {} : { passwordCommand: fromPasswordCommand }),
    ...(policies === undefined ? {} : { policies }),
    ...(waitLock === undefined ? {} : { waitLock }),
    lock,
    prefix: 'from-',
  };
}
