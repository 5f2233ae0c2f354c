import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { keepBundle } from '../../engine/keep-bundle.ts';
import { PROJECT_FOLDER } from '../source-files.ts';
import { temporaryFolder } from './engine-fixture.ts';

it('The bundle of a checkout is made once for each state of its code, and that of another state is never taken', async () => {
  await using project = await temporaryFolder('bundle');
  const at = (...names: string[]) => join(project.path, ...names);
  for (const folder of ['workflows', 'domain', 'common', 'node_modules']) await mkdir(at(folder));
  await symlink(join(PROJECT_FOLDER, 'node_modules', '@temporalio'), at('node_modules', '@temporalio'));
  await writeFile(at('package-lock.json'), '{}');
  await writeFile(at('workflows', 'index.ts'), "export { answer } from '../domain/answer.ts';\n");
  await writeFile(at('domain', 'answer.ts'), "export const answer = async () => 'the first answer';\n");
  const cache = at('node_modules', '.cache', 'holdfast');

  const first = await keepBundle(project.path);
  expect(first).toContain('the first answer');
  const [kept] = await readdir(cache);
  expect(await readFile(join(cache, kept!), 'utf8')).toBe(first);
  // What is kept is what the next start takes.
  await writeFile(join(cache, kept!), 'as it was kept');
  expect(await keepBundle(project.path)).toBe('as it was kept');

  await writeFile(at('domain', 'answer.ts'), "export const answer = async () => 'the second answer';\n");
  expect(await keepBundle(project.path)).toContain('the second answer');
  const names = await readdir(cache);
  expect([names.length, names.includes(kept!)]).toEqual([1, false]);
  await writeFile(at('package-lock.json'), '{ "lockfileVersion": 3 }');
  await keepBundle(project.path);
  expect(await readdir(cache)).not.toEqual(names);
});
