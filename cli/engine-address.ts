/** Where the engine of the policies is, with its secrets resolved. */
import { readFile } from 'node:fs/promises';
import { HoldfastError } from '../common/errors.ts';
import type { EngineSettings, EngineTls } from '../domain/engine-settings.ts';
import type { EngineAddress } from '../engine/connection.ts';
import { resolveSecret, type SecretSources } from './resolve-secret.ts';

export interface EngineSources extends SecretSources {
  /** Reads a file of the commit that the policies are of; rejects when it has none of that name. */
  readCommitted?: (path: string) => Promise<Uint8Array>;
}

/** undefined: the embedded engine. Throws as `resolveSecret`, and NotFound for a certificate that is not there. */
export async function resolveEngineAddress(
  engine: EngineSettings,
  sources: EngineSources,
): Promise<EngineAddress | undefined> {
  if (engine.kind === 'embedded') return undefined;
  const { address, namespace, tls, apiKey } = engine;
  return {
    address,
    namespace,
    ...(tls === undefined ? {} : { tls: await resolveTls(tls, sources) }),
    ...(apiKey === undefined ? {} : { apiKey: await resolveSecret(apiKey, sources) }),
  };
}

async function resolveTls(tls: EngineTls, sources: EngineSources): Promise<EngineAddress['tls']> {
  const { serverName, caPath, certificatePath, privateKey } = tls;
  const resolved: NonNullable<EngineAddress['tls']> = {};
  if (serverName !== undefined) resolved.serverName = serverName;
  if (caPath !== undefined) resolved.ca = await readCertificate(caPath, sources);
  if (certificatePath !== undefined && privateKey !== undefined)
    resolved.clientCertificate = {
      crt: await readCertificate(certificatePath, sources),
      key: Buffer.from(await resolveSecret(privateKey, sources)),
    };
  return resolved;
}

/** A certificate need not be committed: it may be the machine's. */
async function readCertificate(path: string, { readCommitted }: EngineSources): Promise<Buffer> {
  try {
    const committed = await readCommitted?.(path).catch(() => undefined);
    if (committed !== undefined) return Buffer.from(committed);
    return await readFile(path);
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? 'unknown reason';
    throw new HoldfastError('NotFound', `the certificate ${path} of the engine cannot be read (${reason})`, {
      hint: 'correct `engine.tls` of the Project',
      cause: error,
    });
  }
}
