/** Which names an object may have. */
import { HoldfastError } from '../common/errors.ts';

/** Throws Usage unless the name is printable ASCII, in segments joined by `/`, none of them empty, `.` or `..`. */
export function checkObjectName(name: string): void {
  const segments = name.split('/');
  const badSegment = segments.some((segment) => segment === '' || segment === '.' || segment === '..');
  if (badSegment || !/^[\x20-\x7e]+$/.test(name) || name.includes('\\')) {
    throw new HoldfastError('Usage', `"${name}" is no name for a stored object`, {
      hint: 'Use ASCII segments joined by "/", none of them empty, "." or "..".',
    });
  }
}
