/** What is mounted on this machine (proc_mounts(5)). */
import { readFileSync } from 'node:fs';
import { fromBytes } from './byte-path.ts';

/** Types by mount point, its bytes as a `ByteString`; the last mount of a point counts. Empty where the system does not tell. */
export function readMounts(file = '/proc/self/mounts'): ReadonlyMap<string, string> {
  let text: string;
  try {
    text = fromBytes(readFileSync(file));
  } catch {
    return new Map();
  }
  return new Map(
    text.split('\n').flatMap((line): [string, string][] => {
      const [, point, type] = line.split(' ');
      if (point === undefined || type === undefined) return [];
      return [
        [point.replaceAll(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 8))), type],
      ];
    }),
  );
}
