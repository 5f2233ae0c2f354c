/** Makes the demo repository's password, once: what `npm run demo` runs before it starts, and nothing else does. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { HoldfastError } from '../common/errors.ts';
import { statusOfError } from './exit-status.ts';
import { createStyle } from './output.ts';
import { renderError } from './report-error.ts';

const PASSWORD_BYTES = 32;

/**
 * Creates `demo.password` in the state folder (both for this account alone) unless it is there; returns whether it did.
 * Throws WrongPassword when the repository it opens exists and the password does not: a new one would only hide that.
 */
export async function ensureDemoPassword(stateDirectory: string): Promise<boolean> {
  const path = join(stateDirectory, 'demo.password');
  if (existsSync(path)) return false;
  const vault = join(stateDirectory, 'vault', 'demo');
  if (existsSync(join(vault, 'config')))
    throw new HoldfastError('WrongPassword', `the repository ${vault} exists, but its password ${path} is gone`, {
      hint: `put the password back; without it nobody can read the repository. To begin anew: rm -r ${stateDirectory}`,
    });
  await mkdir(stateDirectory, { recursive: true, mode: 0o700 });
  try {
    // `wx` never overwrites: of two demos that start at once, one makes the password.
    const file = await open(path, 'wx', 0o600);
    try {
      await file.writeFile(`${randomBytes(PASSWORD_BYTES).toString('base64url')}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

if (import.meta.main) {
  try {
    const created = await ensureDemoPassword('.holdfast');
    if (created) process.stdout.write('made the demo repository’s password: .holdfast/demo.password\n');
  } catch (error) {
    process.stderr.write(`${renderError(error, createStyle(false), 'never')}\n`);
    process.exitCode = statusOfError(error);
  }
}
