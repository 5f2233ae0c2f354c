/** borgmatic's configuration as a policy with new repositories: borg's own have another format. */
import { absolutePath } from '../common/paths.ts';
import type { ImportContext } from './import-context.ts';
import { expandHome } from './import-context.ts';
import { readBorgKeep } from './keep-options.ts';
import { readFolders } from './restic-backup.ts';
import { placeOfRestic, sshPlace, type ResticPlace } from './restic-place.ts';
import { passwordVariable, referToSecret, type SecretSource } from './secret-reference.ts';
import { Section } from './section.ts';
import { isSourceMap, type SourceMap } from './source-node.ts';

const SECTIONS = ['location', 'storage', 'retention', 'consistency', 'output', 'hooks'];
const DATABASES = [
  'postgresql_databases',
  'mysql_databases',
  'mariadb_databases',
  'mongodb_databases',
  'sqlite_databases',
];
const HOOKS = [
  ...[
    'commands',
    'before_actions',
    'after_actions',
    'before_backup',
    'after_backup',
    'before_prune',
    'after_prune',
    'before_compact',
    'after_compact',
  ],
  ...[
    'before_check',
    'after_check',
    'before_extract',
    'after_extract',
    'before_everything',
    'after_everything',
    'on_error',
  ],
];
const MONITORING = [
  ...[
    'healthchecks',
    'cronitor',
    'cronhub',
    'pagerduty',
    'pushover',
    'ntfy',
    'apprise',
    'loki',
    'uptime_kuma',
    'zabbix',
    'sentry',
    'watchgoose',
  ],
];
const SNAPSHOTS = ['zfs', 'btrfs', 'lvm', 'bootstrap', 'container', 'keepassxc', 'umask'];
const WAYS = [
  ...[
    'compression',
    'chunker_params',
    'files_cache',
    'archive_name_format',
    'match_archives',
    'prefix',
    'checkpoint_interval',
    'checkpoint_volume',
  ],
  ...[
    'lock_wait',
    'retries',
    'retry_wait',
    'temporary_directory',
    'local_path',
    'remote_path',
    'borg_base_directory',
    'borg_cache_directory',
  ],
  ...[
    'borg_config_directory',
    'borg_security_directory',
    'borg_keys_directory',
    'borg_files_cache_ttl',
    'extra_borg_options',
    'working_directory',
  ],
  ...[
    'numeric_ids',
    'numeric_owner',
    'atime',
    'ctime',
    'birthtime',
    'flags',
    'read_special',
    'relocated_repo_access_is_ok',
    'unknown_unencrypted_repo_access_is_ok',
  ],
  ...[
    'use_chunks_archive',
    'check_i_know_what_i_am_doing',
    'color',
    'verbosity',
    'syslog_verbosity',
    'log_file',
    'log_file_verbosity',
    'monitoring_verbosity',
  ],
  ...[
    'progress',
    'statistics',
    'list_details',
    'default_actions',
    'skip_actions',
    'store_config_files',
    'source_directories_must_exist',
    'exclude_nodump',
  ],
  ...[
    'upload_buffer_size',
    'borg_exit_codes',
    'compact_threshold',
    'json',
    'debug_passphrase',
    'display_passphrase',
    'check_last',
    'keep_exclude_tags',
    'unsafe_skip_path_validation_before_create',
    'files_changed',
    'borgmatic_source_directory',
    'user_runtime_directory',
    'user_state_directory',
    'recompress',
    'borg_key_file',
    'archive_username',
    'file_list_format',
    'archive_list_format',
    'msgpack_version_check',
    'check_repositories',
    'log_file_format',
    'log_json',
    'quick_statistics',
  ],
];

/** @param name Of the policy: borgmatic's files have none but that of the file. */
export function importBorgmatic(root: SourceMap, name: string, context: ImportContext): void {
  const { folder, notes } = context;
  const constants = root.value.get('constants');
  const config = new Section(
    flatten(root),
    '',
    notes,
    expandOf(context.home, isSourceMap(constants) ? constants : undefined),
  );
  config.take('constants');
  const directories = readFolders(config, 'source_directories', config.text('working_directory') ?? context.directory);
  const missing = directories.length === 0 ? ['Its source could not be read: name the folders.'] : [];
  const password = passwordOf(config);
  const to = repositoriesOf(config, context).map(({ label, place }) =>
    folder.repository(`${label}-restic`, {
      place,
      secret: referToSecret(password, passwordVariable(`${label}-restic`)),
      comments: [
        'A new repository: borg’s has another format, cannot be adopted, and stays as it is. Keep it as long as you need what is in it.',
      ],
      limits: { upload: config.number('upload_rate_limit') ?? config.number('remote_rate_limit') },
    }),
  );
  if (to.length === 0) missing.push('It has no repository here: add a Location and a Repository, and back up to it.');
  const checks = readChecks(config);
  for (const repository of to) {
    if (checks !== undefined) folder.setWork(repository, 'check', checks);
    folder.setWork(repository, 'prune', { every: '7d' });
  }
  const keep = readBorgKeep(config);
  const source = readSource(config, context);
  tellRest(config);
  folder.policy({
    name,
    comments: [
      `The configuration ${root.file}.`,
      'When borgmatic ran stands in its cron or systemd timer: the interval is that of the class until backup says every:, at: or cron:.',
    ],
    directories,
    source,
    to,
    tags: [],
    keep,
    copies: [],
    decisions: notes.takeDecisions(),
    missing,
  });
  config.finish();
}

/** Before version 1.8 the options stood in sections. */
function flatten(root: SourceMap): SourceMap {
  const entries = [...root.value].flatMap(([key, node]) =>
    SECTIONS.includes(key) && isSourceMap(node) ? [...node.value] : [[key, node] as const],
  );
  return { ...root, value: new Map(entries) };
}

/** `{name}` of the constants, and HOME. Placeholders of borg and other variables are not known here. */
function expandOf(home: string, constants: SourceMap | undefined): (text: string) => string | undefined {
  const expand = expandHome(home);
  return (text) => {
    const plain = text.replaceAll(/\{(\w+)\}/g, (all, name: string) => {
      const value = constants?.value.get(name)?.value;
      return typeof value === 'string' || typeof value === 'number' ? String(value) : all;
    });
    return expand(plain);
  };
}

function passwordOf(config: Section): SecretSource {
  const literal = config.take('encryption_passphrase')?.value;
  const command = config.text('encryption_passcommand');
  if (typeof literal !== 'string') return { command };
  const variable = /^\$\{(\w+)\}$/.exec(literal)?.[1];
  const file = /^\{credential file (\/\S+)\}$/.exec(literal)?.[1];
  return file !== undefined ? { file } : variable !== undefined ? { variable } : { isLiteral: true };
}

/** Beside borg's own folders, with `-restic` at the end of their names. */
function repositoriesOf(config: Section, { directory, home }: ImportContext): { label: string; place: ResticPlace }[] {
  const node = config.take('repositories');
  const items = Array.isArray(node?.value) ? node.value : [];
  const ssh = readSshCommand(config, directory);
  return items.flatMap((item) => {
    const entry = isSourceMap(item) ? new Section(item, 'repositories', config.notes) : undefined;
    const path = entry === undefined ? String(item.value) : (entry.text('path') ?? '');
    const label = entry?.text('label');
    entry?.skip(
      ['encryption', 'append_only', 'storage_quota', 'make_parent_directories', 'make_parent_dirs'],
      'it is of borg’s repository',
    );
    entry?.finish();
    if (/\{\w+\}/.test(path)) {
      config.notes.add('decide', item, 'repositories', 'a placeholder of borg is known only in a run: write it out');
      return [];
    }
    const place = placeBeside(path, { directory, home, ...ssh });
    if (typeof place === 'string') {
      config.notes.add('dropped', item, 'repositories', place);
      return [];
    }
    config.notes.add(
      'decide',
      item,
      'repositories',
      'a new restic repository is made beside it; borg’s cannot be adopted',
    );
    return [{ label: label ?? lastName(path), place }];
  });
}

interface Surroundings {
  directory: string;
  home: string;
  key?: string;
  port?: string;
}

function placeBeside(path: string, { directory, home, key, port: usualPort }: Surroundings): ResticPlace | string {
  const beside = (folder: string): string => `${folder.replace(/\/+$/, '').replace(/\.borg$/, '')}-restic`;
  const ssh = /^ssh:\/\/(?:([^@/]*)@)?([^:/]+)(?::(\d+))?(\/.*)$/.exec(path);
  const scp = /^(?:([^@/:]*)@)?([^:/]+):(.+)$/.exec(path);
  if (ssh !== null || scp !== null) {
    const [, user = '', host = '', port, folder = ''] = ssh ?? [scp![0], scp![1], scp![2], undefined, scp![3]];
    const relative = folder.replace(/^\/(\.|~)\//, '');
    const place = sshPlace({ user, host, port: port ?? usualPort, path: beside(relative), home, key });
    return {
      ...place,
      decisions: ['the account must allow SFTP: one that only runs borg does not', ...place.decisions],
    };
  }
  if (/^(rclone|sftp|s3|b2|file):/.test(path))
    return 'this kind of borg repository has no counterpart: choose a Location';
  return placeOfRestic(beside(path), { directory, home });
}

/** `ssh -i KEY -p PORT`: both stand in the Location; other options have no counterpart. */
function readSshCommand(config: Section, directory: string): { key?: string; port?: string } {
  const command = config.text('ssh_command') ?? '';
  const key = /\s-i\s*(\S+)/.exec(command)?.[1];
  const port = /\s-p\s*(\d+)/.exec(command)?.[1];
  const rest = command.replace(/^\S*ssh\b/, '').replaceAll(/\s-[ip]\s*\S+/g, '');
  if (rest.trim() !== '') config.decide('ssh_command', 'of its options only the key and the port have a counterpart');
  return {
    ...(key === undefined ? {} : { key: absolutePath(directory, key) }),
    ...(port === undefined ? {} : { port }),
  };
}

function lastName(path: string): string {
  return (
    path
      .replace(/\.borg$/, '')
      .split(/[/:@]/)
      .findLast((part) => /[a-z0-9]/i.test(part)) ?? 'repository'
  );
}

function readSource(config: Section, { isFile }: ImportContext): Record<string, unknown> & { exclude?: string[] } {
  const exclude = config
    .texts('exclude_patterns')
    .flatMap(
      (pattern) =>
        resticPattern(pattern) ??
        (config.decide(
          'exclude_patterns',
          'a pattern of this kind has no counterpart: restic’s patterns are written in exclude:',
        ),
        []),
    );
  const files = config.texts('exclude_from').filter(isFile);
  if (config.has('exclude_from'))
    config.decide(
      'exclude_from',
      'borg’s patterns are not quite restic’s (sh:, re: and pp: mean nothing): look through the file, or write them in exclude:',
    );
  config.drop(
    ['patterns', 'patterns_from'],
    'patterns that include and exclude in turn have no counterpart: write exclude:, with ! for what is to stay',
  );
  const markers = config.texts('exclude_if_present');
  return {
    ...(exclude.length === 0 ? {} : { exclude }),
    ...(files.length === 0 ? {} : { excludeFile: files }),
    ...(markers.length === 0 ? {} : { excludeIfPresent: markers }),
    ...(config.flag('exclude_caches') === true ? { excludeCaches: true } : {}),
    ...(config.flag('one_file_system') === true ? { oneFileSystem: true } : {}),
  };
}

/** borg's patterns with a style (`sh:`, `pp:`), and those without, which restic reads nearly alike. */
function resticPattern(pattern: string): string | undefined {
  const match = /^(fm|sh|pf|pp|re):(.*)$/.exec(pattern);
  if (match === null) return pattern;
  const [, kind, rest = ''] = match;
  if (kind === 're') return undefined;
  return kind === 'pf' || kind === 'pp' ? `/${rest.replace(/^\/+/, '')}` : rest.replace(/^\*\*\//, '');
}

const FREQUENCIES: Record<string, number> = { day: 1, week: 7, month: 30, year: 365 };

/** As often as the most frequent of them. */
function readChecks(config: Section): Record<string, unknown> | undefined {
  const node = config.take('checks');
  const items = Array.isArray(node?.value) ? node.value : [];
  const names = items.map((item) => String(isSourceMap(item) ? (item.value.get('name')?.value ?? '') : item.value));
  if (names.length === 0 || names.includes('disabled')) return undefined;
  const daysOf = (wanted: readonly string[]): number[] =>
    items.flatMap((item, index) => {
      const frequency = isSourceMap(item) ? String(item.value.get('frequency')?.value ?? '') : '';
      const match = /^(\d+) (day|week|month|year)s?$/.exec(frequency);
      return match === null || !wanted.includes(names[index]!) ? [] : [Number(match[1]) * FREQUENCIES[match[2]!]!];
    });
  config.notes.add(
    'unneeded',
    node!,
    'checks',
    'one check verifies repository and snapshots; extracting is what restore tests do, by class',
  );
  const every = Math.max(1, Math.min(30, ...daysOf(names)));
  if (!names.includes('data')) return { every: `${every}d` };
  // What is read rotates, so that all is read within the time.
  const share = Math.min(100, Math.ceil((100 * every) / Math.max(every, ...daysOf(['data']))));
  return { every: `${every}d`, readData: `${share}%` };
}

function tellRest(config: Section): void {
  config.drop(
    DATABASES,
    'databases are not dumped yet (source: { postgres: … }, { mysql: … }): dump them into a folder that is backed up',
  );
  config.drop(HOOKS, 'commands are not copied: write them as scripts and name them in hooks:, which is not built yet');
  config.drop(
    MONITORING,
    'addresses are not copied: heartbeat: and notify: of the Project say it, and are not built yet; holdfast status --failing serves until then',
  );
  config.drop(SNAPSHOTS, 'snapshots of file systems, and the like, have no counterpart');
  config.skip(WAYS, 'it does not change what is protected');
}
