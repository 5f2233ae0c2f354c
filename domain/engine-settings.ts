/** Which Temporal runs the workflows. */
import type { SecretReference } from './action.ts';

/** Paths are absolute. */
export interface EngineTls {
  /** The name the server's certificate must carry; absent: the address. */
  serverName?: string;
  /** PEM of the authority; absent: the system's. */
  caPath?: string;
  /** PEM of the client; comes with its key. */
  certificatePath?: string;
  privateKey?: SecretReference;
}

export type EngineSettings =
  | { kind: 'embedded' }
  | { kind: 'address'; address: string; namespace: string; tls?: EngineTls; apiKey?: SecretReference };
