/** resticprofile's profiles as policies: each profile that backs something up becomes one. */
import { absolutePath } from '../common/paths.ts';
import type { ScheduleBlock } from '../domain/resolve-schedule.ts';
import { scheduleOfEvents } from './calendar.ts';
import type { PolicyDraft } from './drafts.ts';
import { expandHome, type ImportContext } from './import-context.ts';
import { readResticKeep } from './keep-options.ts';
import { readDataShare, readFolders, readResticSource } from './restic-backup.ts';
import { placeOfRestic } from './restic-place.ts';
import { groupSchedules, HOOKS, HOOKS_MESSAGE } from './resticprofile-groups.ts';
import { readProfiles } from './resticprofile-profiles.ts';
import { passwordVariable, referToSecret } from './secret-reference.ts';
import { Section } from './section.ts';
import { isSourceMap, type SourceMap, type SourceNode } from './source-node.ts';

const SCHEDULE_DETAILS = [
  ...[
    'schedule-permission',
    'schedule-priority',
    'schedule-log',
    'schedule-lock-mode',
    'schedule-lock-wait',
    'schedule-run-level',
  ],
  ...[
    'schedule-after-network-online',
    'schedule-ignore-on-battery',
    'schedule-ignore-on-battery-less-than',
    'schedule-hide-window',
  ],
  ...['schedule-start-when-available', 'schedule-capture-environment'],
];
const OTHER_COMMANDS = [
  'snapshots',
  'mount',
  'dump',
  'find',
  'ls',
  'restore',
  'stats',
  'tag',
  'unlock',
  'cache',
  'list',
  'diff',
  'key',
  'init',
  'rewrite',
  'repair',
  'rebuild-index',
  'cat',
  'recover',
  'self-update',
];
const OUTPUT = [
  'verbose',
  'quiet',
  'json',
  'no-cache',
  'cache-dir',
  'cleanup-cache',
  'key-hint',
  'status-file',
  'description',
  'initialize',
  'lock',
  'force-inactive-lock',
  'no-lock',
  'pack-size',
];

export function importResticprofile(root: SourceMap, context: ImportContext): void {
  const { notes } = context;
  const top = new Section(root, '', notes);
  top.take('version');
  top.take('$schema');
  top.take('mixins');
  top.skip(['global'], 'how the old program runs does not change what is protected');
  top.drop(['includes'], 'give the files that it names to the same import, when they hold profiles');
  const { profiles, parents, version } = readProfiles(root, notes);
  const grouped = groupSchedules(top, version, new Set(profiles.keys()));
  if (version === 2) top.take('profiles');
  for (const [name, node] of profiles) {
    if (version === 1) top.take(name);
    new ProfileImport(name, node, context, grouped.get(name)).run(parents.has(name));
  }
  top.finish();
}

class ProfileImport {
  readonly #name: string;
  readonly #profile: Section;
  readonly #context: ImportContext;
  readonly #grouped: ReadonlyMap<string, SourceNode[]>;

  constructor(
    name: string,
    node: SourceMap,
    context: ImportContext,
    grouped: ReadonlyMap<string, SourceNode[]> = new Map(),
  ) {
    const home = expandHome(context.home);
    const expand = (text: string): string | undefined => {
      const plain = text
        .replaceAll(/⟦\.Profile\.Name⟧/g, name)
        .replaceAll(/⟦\.ConfigDir⟧/g, context.directory)
        .replaceAll(/⟦\.Env\.HOME⟧/g, context.home);
      return plain.includes('⟦') ? undefined : home(plain);
    };
    this.#name = name;
    this.#profile = new Section(node, name, context.notes, expand);
    this.#context = context;
    this.#grouped = grouped;
  }

  /** A profile without a source is a parent of others, or of a command alone. */
  run(isParent: boolean): void {
    const backup = this.#profile.section('backup');
    if (!['source', 'stdin', 'stdin-command'].some((key) => backup.has(key))) {
      if (!isParent) this.#runWithoutSource(backup);
      return;
    }
    const { directory, folder, home } = this.#context;
    const base = this.#profile.text('base-dir') ?? directory;
    const directories = readFolders(backup, 'source', absolutePath(base, backup.text('source-base') ?? '.'));
    if (backup.texts('source').some((path) => !/^[/~$⟦]/.test(path)) && !this.#profile.has('base-dir'))
      backup.decide('source', 'a relative path began where resticprofile was started; here it begins at its file');
    const missing = directories.length === 0 ? [this.#missingSource(backup)] : [];
    const { source, tags } = readResticSource(backup, { ...this.#context, directory });
    const repository = this.#repository(this.#profile, { directory: base, home }, this.#name, missing);
    const retention = this.#profile.section('retention');
    const forget = this.#profile.section('forget');
    const kept = readResticKeep(retention);
    const forgetKeep = readResticKeep(forget);
    const isPruned = retention.flag('prune') === true || forget.flag('prune') === true;
    this.#skipRest(backup, retention, forget);
    const copies = repository === undefined ? [] : this.#copies(repository, base);
    if (repository === undefined) this.#skipRepository(backup);
    else this.#work(repository, backup, isPruned);
    const draft: PolicyDraft = {
      name: this.#name,
      comments: [`The profile "${this.#name}" of ${this.#profile.node.file}:${this.#profile.node.line}.`],
      directories,
      source,
      to: repository === undefined ? [] : [repository],
      schedule: this.#schedule(backup, 'backup'),
      tags,
      keep: kept ?? forgetKeep,
      keepSchedule: this.#schedule(retention, 'retention') ?? this.#schedule(forget, 'forget'),
      copies,
      decisions: this.#context.notes.takeDecisions(),
      missing,
    };
    folder.policy(draft);
    this.#profile.finish();
  }

  /** What it does to its repository stays; what it does to snapshots is the retention's of each policy. */
  #runWithoutSource(backup: Section): void {
    const { directory, home, notes } = this.#context;
    const { node } = this.#profile;
    const works = ['check', 'prune'].some(
      (command) => this.#profile.section(command).has('schedule') || this.#grouped.has(command),
    );
    const base = this.#profile.text('base-dir') ?? directory;
    const repository = works ? this.#repository(this.#profile, { directory: base, home }, this.#name, []) : undefined;
    notes.add(
      'dropped',
      node,
      this.#name,
      repository === undefined
        ? 'it backs nothing up: no policy is made of it'
        : `it backs nothing up: no policy is made of it, and what it does to its repository stands in "${repository}"`,
    );
    const [retention, forget, copy] = ['retention', 'forget', 'copy'].map((key) => this.#profile.section(key));
    for (const section of [retention!, forget!])
      if (section.has('schedule')) section.drop(['schedule'], 'each policy has its own retention, and forgets by it');
    if (copy!.has('schedule')) copy!.drop(['schedule'], 'each policy copies its own snapshots: copy: in the policies');
    this.#skipRest(backup, retention!, forget!);
    if (repository !== undefined) this.#work(repository, backup, false);
  }

  #missingSource(backup: Section): string {
    if (backup.has('stdin') || backup.has('stdin-command')) {
      backup.drop(
        ['stdin', 'stdin-command', 'stdin-filename'],
        'a program’s output is not backed up yet: source: { command: [...] }',
      );
      return 'Its source is the output of a program (source: { command: [PROGRAM, ARG] }), which is not built yet.';
    }
    return 'Its source could not be read: name the folders.';
  }

  #repository(
    section: Section,
    context: { directory: string; home: string },
    name: string,
    missing: string[],
  ): string | undefined {
    section.drop(['repository-file'], 'where the repository lies stands in another file: write it into the Location');
    const url = section.text('repository') ?? section.text('repo');
    if (url === undefined) {
      missing.push('Its repository is not named here: add a Location and a Repository, and back up to it.');
      return undefined;
    }
    const place = placeOfRestic(url, context);
    if (typeof place === 'string') {
      section.notes.add(
        'dropped',
        section.node.value.get('repository') ?? section.node,
        section.keyOf('repository'),
        place,
      );
      missing.push('Its repository has no counterpart here: add a Location and a Repository, and back up to it.');
      return undefined;
    }
    const env = section.section('env');
    const file = section.text('password-file') ?? env.text('RESTIC_PASSWORD_FILE');
    const command = section.text('password-command') ?? env.text('RESTIC_PASSWORD_COMMAND');
    const isLiteral = env.take('RESTIC_PASSWORD') !== undefined;
    env.drop(
      [...env.node.value.keys()].filter(
        (key) => /SECRET|KEY|TOKEN|PASSWORD|ACCOUNT|CREDENTIAL/i.test(key) && !key.startsWith('RESTIC_PASSWORD'),
      ),
      'its value is not copied: set it in the worker’s environment, or name it by an identity of the Location (credentialsFrom)',
    );
    env.skip(
      [...env.node.value.keys()].filter((key) => !key.startsWith('RESTIC_PASSWORD')),
      'it does not change what is protected',
    );
    const known = name === this.#name ? nameOfPlace(url) : `${nameOfPlace(url)}-copy`;
    const secret = referToSecret(
      { file: file === undefined ? undefined : absolutePath(this.#context.directory, file), command, isLiteral },
      passwordVariable(known),
    );
    return this.#context.folder.repository(known, {
      place,
      secret,
      compression: section.text('compression'),
      limits: { upload: section.number('limit-upload'), download: section.number('limit-download') },
    });
  }

  #copies(from: string, directory: string): PolicyDraft['copies'] {
    const copy = this.#profile.section('copy');
    if (!copy.has('repository') && !copy.has('repository-file')) return [];
    const own: string[] = [];
    const to = this.#repository(copy, { directory, home: this.#context.home }, `${this.#name}-copy`, own);
    if (own.length > 0) copy.decide('repository', 'the second repository has no counterpart: the policy has no copy');
    copy.skip(['initialize', 'host', 'path', 'tag', ...SCHEDULE_DETAILS], 'a policy copies its own snapshots');
    return to === undefined ? [] : [{ from, to, schedule: this.#schedule(copy, 'copy') }];
  }

  /** undefined: none is written, or none that a policy could say. */
  #schedule(section: Section, command: string): ScheduleBlock | undefined {
    const node = section.take('schedule');
    const nodes = node === undefined ? (this.#grouped.get(command) ?? []) : [node];
    const events = nodes.flatMap((part) => {
      const inner = isSourceMap(part) ? part.value.get('at') : part;
      return (Array.isArray(inner?.value) ? inner.value : [inner]).flatMap((item) =>
        typeof item?.value === 'string' ? [item.value] : [],
      );
    });
    if (events.length === 0) return undefined;
    const schedule = scheduleOfEvents(events, this.#context.timezone);
    if (schedule === undefined)
      this.#context.notes.add(
        'decide',
        nodes[0]!,
        `${this.#name}.${command}.schedule`,
        'a policy cannot say these times: write every:, at: or cron:',
      );
    return schedule;
  }

  /** What is done to the repository beside the backups: prune and check. */
  #work(repository: string, backup: Section, isPruned: boolean): void {
    const { folder } = this.#context;
    const prune = this.#profile.section('prune');
    const pruned = this.#schedule(prune, 'prune');
    if (pruned !== undefined || isPruned) folder.setWork(repository, 'prune', { ...(pruned ?? { every: '7d' }) });
    prune.skip([...SCHEDULE_DETAILS, 'max-unused', 'max-repack-size'], 'prune keeps to its own limits (maxUnused: 5%)');
    const check = this.#profile.section('check');
    const share = readDataShare(check);
    const checked = this.#schedule(check, 'check');
    const around = [backup.flag('check-before'), backup.flag('check-after')].includes(true);
    if (checked !== undefined || share !== undefined || around)
      folder.setWork(repository, 'check', {
        ...(checked ?? { every: '7d' }),
        ...(share === undefined ? {} : { readData: share }),
      });
    check.skip([...SCHEDULE_DETAILS, 'check-unused', 'with-cache'], 'a check says it all');
  }

  #skipRepository(backup: Section): void {
    const message = 'it belongs to the repository, which has no counterpart here';
    const keys = ['password-file', 'password-command', 'env', 'compression', 'limit-upload', 'limit-download'];
    this.#profile.skip(keys, message);
    for (const command of ['check', 'prune', 'copy']) {
      const section = this.#profile.section(command);
      section.skip([...section.node.value.keys()], message);
    }
    backup.skip(['check-before', 'check-after'], message);
  }

  #skipRest(backup: Section, retention: Section, forget: Section): void {
    const commands = ['check', 'prune', 'copy'].map((command) => this.#profile.section(command));
    for (const section of [this.#profile, backup, retention, forget, ...commands]) section.drop(HOOKS, HOOKS_MESSAGE);
    for (const section of [backup, retention, forget])
      section.skip(SCHEDULE_DETAILS, 'how a run is started does not change what is protected');
    for (const section of [retention, forget])
      section.skip(
        ['before-backup', 'after-backup', 'host', 'tag', 'path', 'group-by', 'compact', 'dry-run', 'prune'],
        'a policy’s retention sees its own snapshots, once a day',
      );
    this.#profile.skip(['systemd-drop-in-files'], 'how a run is started does not change what is protected');
    this.#profile.skip(OTHER_COMMANDS, 'it is for the command of that name');
    this.#profile.skip(
      [
        ...OUTPUT,
        'prometheus-save-to-file',
        'prometheus-push',
        'prometheus-labels',
        'prometheus-push-job',
        'prometheus-push-format',
      ],
      'holdfast status and the run records tell how it went',
    );
    this.#profile.drop(
      ['cacert', 'tls-client-cert', 'insecure-tls', 'option', 'limit-read'],
      'it is set elsewhere, or not at all: see holdfast schema location',
    );
  }
}

/** The last part of a place that is a word: `main` of `sftp:host:/srv/vault/main`. */
function nameOfPlace(url: string): string {
  return url.split(/[/:@]/).findLast((part) => /[a-z0-9]/i.test(part)) ?? 'repository';
}
