/** A tree that passes everything on to another one: what a wrapper changes is written over it. */
import type { FileTree } from './file-tree.ts';

/** Without what only reaches the files of this machine directly (`localRoot`, `openCopier`): that would go around the wrapper. */
export function passTree(tree: FileTree): FileTree {
  const { isRemote, triesAgain, modesBind, renamesByRemoving } = tree;
  return {
    description: tree.description,
    ...(isRemote === undefined ? {} : { isRemote }),
    ...(triesAgain === undefined ? {} : { triesAgain }),
    ...(modesBind === undefined ? {} : { modesBind }),
    ...(renamesByRemoving === undefined ? {} : { renamesByRemoving }),
    walk: (options) => tree.walk(options),
    list: (folder, options) => tree.list(folder, options),
    stat: (path) => tree.stat(path),
    openRead: (path, options) => tree.openRead(path, options),
    replace: (path, content, metadata, options) => tree.replace(path, content, metadata, options),
    replaceSymlink: (path, target, metadata) => tree.replaceSymlink(path, target, metadata),
    setMetadata: (path, metadata) => tree.setMetadata(path, metadata),
    makeFolder: (path, metadata) => tree.makeFolder(path, metadata),
    remove: (path) => tree.remove(path),
    rename: (from, to) => tree.rename(from, to),
    ...(tree.refuses === undefined ? {} : { refuses: (entry) => tree.refuses!(entry) }),
    ...(tree.keeps === undefined ? {} : { keeps: (entry) => tree.keeps!(entry) }),
    ...(tree.checksums === undefined ? {} : { checksums: (path, options) => tree.checksums!(path, options) }),
    close: () => tree.close(),
  };
}
