/** The options of `restic backup` that resticprofile and autorestic hand on, as the source of a policy. */
import { absolutePath } from '../common/paths.ts';
import type { ImportContext } from './import-context.ts';
import type { Section } from './section.ts';

export interface ReadSource {
  source: Record<string, unknown> & { exclude?: string[] };
  tags: string[];
}

const NO_EFFECT = [
  ...['verbose', 'quiet', 'json', 'no-cache', 'cache-dir', 'cleanup-cache', 'no-scan', 'read-concurrency', 'pack-size'],
  ...[
    'extended-status',
    'no-error-on-warning',
    'force',
    'parent',
    'ignore-inode',
    'ignore-ctime',
    'group-by',
    'dry-run',
    'skip-if-unchanged',
  ],
  ...['no-lock', 'retry-lock', 'lock', 'force-inactive-lock'],
];

/** Reads everything that a backup may have; what stays unread is told by the section. */
export function readResticSource(options: Section, { directory, isFile }: ImportContext): ReadSource {
  const exclude = options.texts('exclude');
  const files = options.texts('exclude-file').map((file) => absolutePath(directory, file));
  const present = files.filter(isFile);
  if (present.length < files.length)
    options.decide(
      'exclude-file',
      'a file of patterns is not there on this machine: name it in excludeFile, else more is backed up',
    );
  const markers = options.texts('exclude-if-present');
  const largest = options.text('exclude-larger-than');
  const size = largest === undefined ? undefined : sizeOf(largest);
  if (largest !== undefined && size === undefined)
    options.decide('exclude-larger-than', 'it is no size: write it as excludeLargerThan: 20GiB');
  const host = options.text('host');
  options.drop(['iexclude', 'iexclude-file'], 'patterns without case have no counterpart: write them with [aA]');
  options.drop(
    ['files-from', 'files-from-verbatim', 'files-from-raw'],
    'lists of files have no counterpart: name folders, and exclude',
  );
  options.skip(NO_EFFECT, 'it does not change what is protected');
  return {
    source: {
      ...(host === undefined || host === 'true' ? {} : { host }),
      ...(exclude.length === 0 ? {} : { exclude }),
      ...(present.length === 0 ? {} : { excludeFile: present }),
      ...(markers.length === 0 ? {} : { excludeIfPresent: markers }),
      ...(options.flag('exclude-caches') === true ? { excludeCaches: true } : {}),
      ...(size === undefined ? {} : { excludeLargerThan: size }),
      ...(options.flag('one-file-system') === true ? { oneFileSystem: true } : {}),
    },
    tags: options
      .texts('tag')
      .filter((tag) => tag !== 'true')
      .flatMap((tag) => tag.split(',')),
  };
}

/** Of folders only those that stand for themselves: a pattern would be another set of folders each day. */
export function readFolders(section: Section, key: string, directory: string): string[] {
  return section.texts(key).flatMap((folder) => {
    if (!/[*?[]/.test(folder)) return [absolutePath(directory, folder)];
    section.decide(
      key,
      'a pattern of folders has no counterpart: write them out, or name the folder above and exclude',
    );
    return [];
  });
}

/** `20G` of restic. */
function sizeOf(text: string): string | undefined {
  const match = /^(\d+)([bkmgt]?)$/i.exec(text.trim());
  if (match === null) return undefined;
  const unit = { b: 'B', k: 'KiB', m: 'MiB', g: 'GiB', t: 'TiB', '': 'B' }[(match[2] ?? '').toLowerCase()];
  return `${match[1]}${unit}`;
}

/** `5%`, `1/20`, as a share; undefined: no share. */
export function readDataShare(section: Section): string | undefined {
  if (section.flag('read-data') === true) return '100%';
  const subset = section.text('read-data-subset');
  if (subset === undefined) return undefined;
  if (/^\d{1,2}(\.\d+)?%$|^100%$/.test(subset)) return subset;
  const part = /^\d+\/(\d+)$/.exec(subset);
  if (part !== null && Number(part[1]) > 0) return `${Number((100 / Number(part[1])).toFixed(2))}%`;
  section.decide('read-data-subset', 'a size has no counterpart: write a share, readData: 5%');
  return undefined;
}
