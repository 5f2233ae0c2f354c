/** As whom a role acts at a location. */
import type { SecretReference } from './secret-reference.ts';

/** What is absent is the environment's own: its user, its agent, its keys and credentials. */
export interface StorageIdentity {
  user?: string;
  privateKey?: SecretReference;
  /** Of the private key. */
  passphrase?: SecretReference;
  password?: SecretReference;
  /** Whether the SSH agent of the environment is asked. */
  agent?: boolean;
  /** Of buckets: a service account (JSON), or `ACCESS_KEY_ID:SECRET_ACCESS_KEY`. */
  credentials?: SecretReference;
}
