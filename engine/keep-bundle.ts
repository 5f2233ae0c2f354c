/** The workflows of a checkout, bundled once for each state of their code: to bundle them takes seconds, at each start of a worker. */
import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';

/** Whose code is bundled: ARCHITECTURE.md lets workflows import nothing else but types and Temporal's packages, which the lock file pins. */
const BUNDLED_FOLDERS = ['workflows', 'domain', 'common'];
const LOCK_FILE = 'package-lock.json';

/** The bundle's code. `project` is the checkout's folder; the bundle is kept in `node_modules/.cache/holdfast`, where that can be written. */
export async function keepBundle(project: string): Promise<string> {
  const folder = join(project, 'node_modules', '.cache', 'holdfast');
  const name = `workflow-bundle-${await digestOf(project)}.js`;
  const kept = await readFile(join(folder, name), 'utf8').catch(() => undefined);
  if (kept !== undefined) return kept;
  const workflowsPath = join(project, 'workflows', 'index.ts');
  const { code } = await bundleWorkflowCode({ workflowsPath, logger: new DefaultLogger('WARN') });
  await keep(folder, name, code).catch(() => undefined);
  return code;
}

async function digestOf(project: string): Promise<string> {
  const listed = BUNDLED_FOLDERS.map(async (folder) => {
    const names = await readdir(join(project, folder), { recursive: true });
    return names.filter((name) => name.endsWith('.ts')).map((name) => join(folder, name));
  });
  const files = [LOCK_FILE, ...(await Promise.all(listed)).flat().toSorted()];
  const hash = createHash('sha256');
  const contents = await Promise.all(files.map((file) => readFile(join(project, file))));
  for (const [place, content] of contents.entries())
    hash.update(`${files[place]!}\0${content.length}\0`).update(content);
  return hash.digest('hex').slice(0, 32);
}

/** Those of other states of the code are removed. */
async function keep(folder: string, name: string, code: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const temporary = join(folder, `.${name}-${randomUUID()}`);
  await writeFile(temporary, code);
  await rename(temporary, join(folder, name));
  const others = (await readdir(folder)).filter((other) => other.startsWith('workflow-bundle-') && other !== name);
  await Promise.all(others.map((other) => rm(join(folder, other), { force: true })));
}
