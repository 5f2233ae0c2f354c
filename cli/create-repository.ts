/** Creates a repository: what `holdfast init --repository NAME` and `init --repo WHERE` do. */
import { initRepository } from '../repository/init-repository.ts';
import type { CliContext } from './command.ts';
import { shortId } from './display.ts';
import { ExitStatus } from './exit-status.ts';
import { fromRepositoryOptions, type FromOptions } from './from-repository.ts';
import { findRepository, withRepository, type RepositoryOptions } from './open-from-options.ts';

/** Throws AlreadyExists when there is one. */
export async function createRepository(
  context: CliContext,
  options: RepositoryOptions & FromOptions & { copyChunkerParams?: boolean },
): Promise<ExitStatus> {
  const { output, json, signal } = context;
  const like = options.copyChunkerParams === true ? { chunkerPolynomial: await readPolynomial(context, options) } : {};
  const place = await findRepository(context, options);
  const password = await place.password(true);
  const storage = await place.openStorage('maintainer');
  try {
    const repository = await initRepository(storage, password, { signal, compression: place.compression, ...like });
    const { id, version } = repository.config;
    if (json) output.json({ repository: place.name, id, version, where: storage.description });
    output.say(`created repository ${shortId(id)} at ${storage.description}`);
    output.say('Keep its password: without it nobody, not even you, can read what is in it.');
    return ExitStatus.done;
  } finally {
    await storage.close();
  }
}

function readPolynomial(context: CliContext, options: RepositoryOptions & FromOptions): Promise<string> {
  const access = { role: 'reader', lock: 'none' } as const;
  return withRepository(
    context,
    fromRepositoryOptions(options),
    access,
    async ({ config }) => config.chunker_polynomial,
  );
}
