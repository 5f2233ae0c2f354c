/** How a password that another program's configuration names, or holds, is referred to by policies: never by its value. */
import type { SecretReference } from '../common/secret-reference.ts';

export interface ReferredSecret {
  reference: SecretReference;
  /** What to do where the configuration held the secret itself, or named none. */
  decision?: string;
}

export interface SecretSource {
  /** Absolute. */
  file?: string | undefined;
  /** A shell command that prints it. */
  command?: string | undefined;
  /** The variable that a wrapper read it from. */
  variable?: string | undefined;
  /** The configuration has it in plain text. */
  isLiteral?: boolean;
}

/** @param fallback The variable of the worker that is to hold it when nothing else is named. */
export function referToSecret({ file, command, variable, isLiteral }: SecretSource, fallback: string): ReferredSecret {
  if (file !== undefined) return { reference: { file } };
  if (command !== undefined && !holdsSecret(command)) return { reference: { command: ['/bin/sh', '-c', command] } };
  const name = variable ?? fallback;
  const reference = { env: name };
  if (isLiteral === true || command !== undefined)
    return {
      reference,
      decision: `the password stands in the old file: put it into the worker’s variable ${name}, or into a file that only the worker reads (passwordFrom: { file: … })`,
    };
  if (variable !== undefined) return { reference };
  return {
    reference,
    decision: `no password is named: put it into the worker’s variable ${name}, or name a file or command`,
  };
}

/** `echo secret` prints what stands in it, and an address may carry one. */
function holdsSecret(command: string): boolean {
  if (/\/\/[^/\s]*:[^/\s]*@|(?:password|passphrase|token|secret)=/i.test(command)) return true;
  return /\b(?:echo|printf)\b/.test(command) && !command.includes('$');
}

/** `SHARED_VAULT_PASSWORD` of `shared-vault`. */
export function passwordVariable(name: string): string {
  return `${name
    .toUpperCase()
    .replaceAll(/[^A-Z0-9]+/g, '_')
    .replace(/^(?=\d)/, '_')}_PASSWORD`;
}
