/** Who is at the keyboard, as records name them. */
import { hostname, userInfo } from 'node:os';

/** `alice@app-01`: the account, and the machine on which it gave the command. */
export function actingPerson(): string {
  return `${userInfo().username}@${hostname()}`;
}
