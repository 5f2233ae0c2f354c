import { closeSync, openSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fromText } from '../../files/byte-path.ts';
import { loadNativeMetadata } from '../../files/native-metadata.ts';
import { applyMetadata } from '../../repository/apply-metadata.ts';
import { decodeTree } from '../../repository/tree-node.ts';
import { withTemporaryFolder } from './repository-fixture.ts';

describe('metadata of a node', () => {
  it('without times, as rustic writes it for folders above a source, leaves the times as they are', () =>
    withTemporaryFolder(async (folder) => {
      const file = join(folder, 'file');
      writeFileSync(file, '');
      const { mtimeMs } = statSync(file);
      const [node] = decodeTree(Buffer.from('{"nodes":[{"name":"file","type":"file","mode":384,"content":[]}]}'));
      const descriptor = openSync(file, 'r+');
      expect(applyMetadata(loadNativeMetadata(), { path: fromText(file), descriptor }, node!, false)).toEqual([]);
      closeSync(descriptor);
      expect(statSync(file).mtimeMs).toBe(mtimeMs);
      expect(statSync(file).mode & 0o777).toBe(0o600);
    }));
});
