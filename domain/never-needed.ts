/** What no backup ever needs, wherever policies look: made by the kernel, gone with the next start, or made again. */
import type { ByteString } from '../common/byte-string.ts';

const FOLDERS: ReadonlyMap<string, string> = new Map([
  ['/proc', 'made by the kernel'],
  ['/sys', 'made by the kernel'],
  ['/dev', 'devices'],
  ['/run', 'gone with the next start'],
  ['/var/run', 'gone with the next start'],
  ['/var/lock', 'gone with the next start'],
  ['/tmp', 'temporary files'],
  ['/var/tmp', 'temporary files'],
  ['/var/cache', 'caches of the system'],
]);

/** Types of mounts (proc_mounts(5)) without files of their own, or with none that last. */
const PASSING_TYPES: ReadonlySet<string> = new Set([
  ...[
    'autofs',
    'binfmt_misc',
    'bpf',
    'cgroup',
    'cgroup2',
    'configfs',
    'debugfs',
    'devpts',
    'devtmpfs',
    'efivarfs',
    'fusectl',
  ],
  ...[
    'hugetlbfs',
    'mqueue',
    'nsfs',
    'proc',
    'pstore',
    'ramfs',
    'rpc_pipefs',
    'securityfs',
    'squashfs',
    'sysfs',
    'tmpfs',
    'tracefs',
  ],
]);

/** @param mounts Types by mount point. */
export function whyNeverNeeded(path: ByteString, mounts: ReadonlyMap<string, string>): string | undefined {
  const known = FOLDERS.get(path);
  if (known !== undefined) return known;
  if (path.endsWith('/lost+found')) return 'made by fsck';
  const type = mounts.get(path);
  if (type === undefined) return undefined;
  if (PASSING_TYPES.has(type)) return `a file system of the type ${type}`;
  // The layers of a container that runs; what it keeps lies in volumes.
  return type === 'overlay' ? 'a container’s own files, made from its image' : undefined;
}
