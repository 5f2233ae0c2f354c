/** Names of objects inside a bucket: a storage's own names below its prefix. */

export interface BucketKeys {
  /** The key of a name, which is one. */
  keyOf(name: string): string;
  /** What all keys begin with whose names begin with `prefix`. */
  prefixOf(prefix: string): string;
  /** The name of a listed key; undefined for what is no object of ours (the markers that some tools make for folders). */
  nameOf(key: string): string | undefined;
}

/** `prefix` without slashes at its ends; empty: the whole bucket. */
export function bucketKeys(prefix: string): BucketKeys {
  const root = prefix === '' ? '' : `${prefix}/`;
  return {
    keyOf: (name) => root + name,
    prefixOf: (wanted) => root + wanted,
    nameOf: (key) => (key.endsWith('/') || key.length <= root.length ? undefined : key.slice(root.length)),
  };
}

/** Parts of a prefix and a path below it, joined, without empty ones. */
export function joinPrefix(...parts: readonly string[]): string {
  return parts
    .flatMap((part) => part.split('/'))
    .filter((part) => part !== '' && part !== '.')
    .join('/');
}
