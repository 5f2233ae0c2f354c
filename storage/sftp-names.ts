/** Which names and targets of links SFTP, as ssh2 speaks it, can say: text alone. */
import type { ByteString } from '../common/byte-string.ts';
import { HoldfastError } from '../common/errors.ts';
import { toText } from '../files/byte-path.ts';
import { isTemporary } from './sftp-temporary.ts';

/** What ssh2 makes of bytes that are not UTF-8: who really has it in a name cannot be told from those. */
const UNKNOWN = '\ufffd';

/** undefined: the path can be said. */
export function whyUnsayable(path: ByteString): string | undefined {
  const text = toText(path);
  if (text === undefined) return 'its name is not UTF-8, which SFTP cannot say here';
  if (text.includes(UNKNOWN)) return 'its name holds U+FFFD, which stands here for what is not UTF-8';
  if (text.includes('.tmp-') && text.split('/').some(isTemporary)) return 'its name is one of unfinished files here';
  return undefined;
}

/** Of a link. */
export function whyUnsayableTarget(target: ByteString): string | undefined {
  const text = toText(target);
  if (text === undefined) return 'its target is not UTF-8, which SFTP cannot say here';
  return text.includes(UNKNOWN) ? 'its target holds U+FFFD, which stands here for what is not UTF-8' : undefined;
}

/** Whether what ssh2 read is not what the server said. */
export function isGarbled(text: string): boolean {
  return text.includes(UNKNOWN);
}

/** @param subject For the message. */
export function unsayable(subject: string, why: string): HoldfastError {
  return new HoldfastError('Usage', `${subject} cannot be there: ${why}`, { hint: 'Rename it, or leave it out.' });
}
