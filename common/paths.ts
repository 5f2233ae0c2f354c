/** Absolute POSIX paths as text, for code that may not load `node:path`. */

/** The path made absolute from an absolute folder, without `.`, `..`, double or final slashes. */
export function absolutePath(folder: string, path: string): string {
  const segments: string[] = [];
  for (const segment of (path.startsWith('/') ? path : `${folder}/${path}`).split('/')) {
    if (segment === '' || segment === '.') continue;
    if (segment === '..') segments.pop();
    else segments.push(segment);
  }
  return `/${segments.join('/')}`;
}

/** Whether an absolute path is the folder itself or lies below it; both as `absolutePath` makes them. */
export function isWithin(path: string, folder: string): boolean {
  return folder === '/' || path === folder || path.startsWith(`${folder}/`);
}

/** A path for people: from the current folder when it lies below it, else absolute. */
export function shownPath(path: string, currentFolder: string): string {
  if (path === currentFolder) return '.';
  return isWithin(path, currentFolder) ? path.slice(currentFolder === '/' ? 1 : currentFolder.length + 1) : path;
}
