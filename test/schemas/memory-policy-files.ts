/** Policy files in memory, for tests of the loader and of what follows from documents. */
import type { PolicyFiles } from '../../schemas/load-policies.ts';

/** The current folder of the files; they lie in its folder `policies`. */
export const PROJECT = '/project';

/** Files by name below `/project/policies`. */
export function memoryPolicyFiles(files: Record<string, string | Uint8Array>): PolicyFiles {
  const absolute = new Map(Object.entries(files).map(([name, content]) => [`${PROJECT}/policies/${name}`, content]));
  const isFolder = (path: string): boolean => [...absolute.keys()].some((file) => file.startsWith(`${path}/`));
  return {
    currentFolder: PROJECT,
    async stat(path) {
      if (absolute.has(path)) return 'file';
      return isFolder(path) ? 'folder' : undefined;
    },
    async list(path) {
      const names = [...absolute.keys()]
        .filter((file) => file.startsWith(`${path}/`))
        .map((file) => file.slice(path.length + 1).split('/')[0] ?? '');
      return [...new Set(names)].map((name) => ({ name, kind: absolute.has(`${path}/${name}`) ? 'file' : 'folder' }));
    },
    async read(path) {
      const content = absolute.get(path) ?? '';
      return typeof content === 'string' ? new TextEncoder().encode(content) : content;
    },
  };
}
