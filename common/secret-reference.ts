/** Where a secret is found; never the secret itself. */

/**
 * Paths of `file` are absolute, or relative to the worker's secrets folder (embedded: the policy folder). References are
 * turned into values by the outermost layer alone, at use.
 */
export type SecretReference = { env: string } | { file: string } | { command: string[] };
