/** Where a worker thread's module lies, from source and from the compiled package alike. */

/**
 * The URL for `new Worker(...)` of a module beside the caller. `name` is relative and without extension
 * (`./pack-worker`); `from` is the caller's `import.meta.url`, whose extension (`.ts` from source, `.js` compiled) the
 * sibling shares.
 */
export function workerModule(name: string, from: string): URL {
  const extension = /\.[cm]?[jt]s(?=$|[?#])/.exec(from)?.[0] ?? '.js';
  return new URL(`${name}${extension}`, from);
}
