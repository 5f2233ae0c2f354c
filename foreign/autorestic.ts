/** autorestic's locations as policies, its backends as repositories. */
import { readFolders, readResticSource } from './restic-backup.ts';
import { scheduleOfCron } from './calendar.ts';
import { expandHome, type ImportContext } from './import-context.ts';
import { readResticKeep } from './keep-options.ts';
import { placeOfRestic } from './restic-place.ts';
import { referToSecret } from './secret-reference.ts';
import { Section } from './section.ts';
import { isSourceMap, type SourceMap } from './source-node.ts';

export function importAutorestic(root: SourceMap, context: ImportContext): void {
  const top = new Section(root, '', context.notes, expandHome(context.home));
  for (const key of ['version', 'extras', 'backends', 'locations']) top.take(key);
  const repositories = new Map<string, string>();
  for (const [name, backend] of top.section('backends').sections()) {
    const repository = importBackend(name, backend, context);
    if (repository !== undefined) repositories.set(name, repository);
    backend.finish();
  }
  const options = top.section('global');
  options.take('backup');
  options.take('forget');
  options.skip(['all'], 'it does not change what is protected');
  const global = options.node;
  for (const [name, location] of top.section('locations').sections()) {
    importLocation(name, location, { context, repositories, global });
    location.finish();
  }
  top.finish();
}

function importBackend(name: string, backend: Section, { directory, folder, home }: ImportContext): string | undefined {
  const type = backend.text('type') ?? 'local';
  const path = backend.text('path') ?? '';
  const place = placeOfRestic(type === 'local' ? path : `${type}:${path}`, { directory, home });
  const env = backend.section('env');
  env.drop(
    [...env.node.value.keys()].filter((key) => !/^RESTIC_PASSWORD/i.test(key)),
    'its value is not copied: set it in the worker’s environment, or name it by an identity of the Location (credentialsFrom)',
  );
  const isLiteral = backend.take('key') !== undefined || env.take('RESTIC_PASSWORD') !== undefined;
  const file = env.text('RESTIC_PASSWORD_FILE');
  const command = env.text('RESTIC_PASSWORD_COMMAND');
  backend.skip(['rest'], 'it is for a REST server, a kind of storage that holdfast does not have');
  backend.skip(['requireKey', 'init', 'options'], 'it does not change what is protected');
  if (typeof place === 'string') {
    backend.notes.add('dropped', backend.node, backend.path, place);
    return undefined;
  }
  // The variable from which autorestic itself takes it.
  const variable = `AUTORESTIC_${name.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')}_RESTIC_PASSWORD`;
  return folder.repository(name, { place, secret: referToSecret({ file, command, isLiteral }, variable) });
}

interface LocationImport {
  context: ImportContext;
  repositories: ReadonlyMap<string, string>;
  global: SourceMap;
}

function importLocation(name: string, location: Section, { context, repositories, global }: LocationImport): void {
  const { directory, folder, timezone } = context;
  const missing: string[] = [];
  if (location.text('type') === 'volume') {
    location.drop(['from'], 'a Docker volume has no counterpart: name its folder, below /var/lib/docker/volumes');
    missing.push('Its source is a Docker volume: name its folder.');
  }
  const directories = missing.length > 0 ? [] : readFolders(location, 'from', directory);
  if (directories.length === 0 && missing.length === 0) missing.push('Its source could not be read: name the folders.');
  const wanted = location.texts('to');
  const to = wanted.flatMap((backend) => repositories.get(backend) ?? []);
  if (to.length < wanted.length)
    location.decide('to', 'a backend of it has no counterpart: the policy does not back up there');
  if (to.length === 0) missing.push('It has no repository here: add a Location and a Repository, and back up to it.');
  const options = location.section('options');
  const backing = optionsOf(options, global, 'backup');
  const { source, tags } = readResticSource(backing, context);
  const forgetting = optionsOf(options, global, 'forget');
  const keep = readResticKeep(forgetting);
  forgetting.skip(
    ['prune', 'group-by', 'host', 'tag', 'path', 'dry-run'],
    'a policy’s retention sees its own snapshots, once a day',
  );
  for (const section of [backing, forgetting]) section.finish();
  options.skip(['all'], 'it does not change what is protected');
  const cron = location.text('cron');
  const schedule = cron === undefined ? undefined : scheduleOfCron(cron, timezone);
  if (cron !== undefined && schedule === undefined)
    location.decide('cron', 'a policy cannot say these times: write every:, at: or cron: with five fields');
  const forget = location.text('forget');
  if (keep !== undefined && (forget === undefined || forget === 'no'))
    location.decide('options', 'it forgot only when it was told to (autorestic forget); the policy does so each day');
  if (forget === 'prune') for (const repository of to) folder.setWork(repository, 'prune', { every: '7d' });
  location.drop(
    ['hooks'],
    'shell commands are not copied: write them as scripts and name them in hooks:, which is not built yet',
  );
  const copies = [...location.section('copy').node.value.keys()].flatMap((backend) =>
    location
      .section('copy')
      .texts(backend)
      .flatMap((target) => {
        const [from, into] = [repositories.get(backend), repositories.get(target)];
        if (from !== undefined && into !== undefined) return [{ from, to: into }];
        location.decide('copy', `the copy from ${backend} to ${target} is left out: one of them has no counterpart`);
        return [];
      }),
  );
  folder.policy({
    name,
    comments: [
      `The location "${name}" of ${location.node.file}:${location.node.line}. autorestic tagged its snapshots "ar:location:${name}".`,
      ...(cron === undefined ? ['It had no cron: the interval is that of the class.'] : []),
    ],
    directories,
    source,
    to,
    schedule,
    tags,
    keep,
    copies,
    decisions: context.notes.takeDecisions(),
    missing,
  });
}

/** Those of the location, and below them those for all. */
function optionsOf(options: Section, global: SourceMap, command: string): Section {
  const own = options.section(command);
  const defaults = global.value.get(command);
  if (!isSourceMap(defaults)) return own;
  for (const key of own.node.value.keys()) own.take(key);
  return new Section({ ...own.node, value: new Map([...defaults.value, ...own.node.value]) }, own.path, own.notes);
}
