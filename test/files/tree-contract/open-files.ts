/** Which files of a folder are open, whoever has opened them. */
import { readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';

/** How many descriptors, of all processes whose descriptors this one may see, lead to files below the folder. */
export async function countOpenFiles(folder: string): Promise<number> {
  const processes = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const counts = await Promise.all(processes.map((pid) => countIn(join('/proc', pid, 'fd'), `${folder}/`)));
  return counts.reduce((sum, count) => sum + count, 0);
}

/** A process that ends meanwhile, or is somebody else's, has none. */
async function countIn(descriptors: string, below: string): Promise<number> {
  const names = await readdir(descriptors).catch(() => []);
  const targets = await Promise.all(names.map((name) => readlink(join(descriptors, name)).catch(() => '')));
  return targets.filter((target) => target.startsWith(below)).length;
}
