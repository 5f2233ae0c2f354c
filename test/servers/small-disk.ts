/** A disk of a few MiB for the tests, which is soon full: a tmpfs, for which one must be root. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface SmallDisk {
  folder: string;
  grow(sizeMiB: number): void;
  unmount(): void;
}

/** Throws what mount says. */
export function mountSmallDisk(sizeMiB: number): SmallDisk {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-small-disk-'));
  const mount = (options: string): void =>
    void execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'none', folder], { stdio: ['ignore', 'ignore', 'pipe'] });
  mount(`size=${sizeMiB}m`);
  return {
    folder,
    grow: (size) => mount(`remount,size=${size}m`),
    unmount() {
      // Lazily: what a server that was killed a moment ago still holds open goes with it.
      execFileSync('umount', ['-l', folder]);
      rmdirSync(folder);
    },
  };
}
