import { execFileSync } from 'node:child_process';
import { lstatSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ByteString } from '../../common/byte-string.ts';
import { ACL_ACCESS_ATTRIBUTE, effectiveAcl, parseAcl } from '../../files/acl.ts';
import { openAccountNames } from '../../files/account-names.ts';
import { displayPath, fromText, isRelativePath, toText } from '../../files/byte-path.ts';
import { createExcludeMarkers } from '../../files/exclude-markers.ts';
import { loadNativeMetadata } from '../../files/native-metadata.ts';
import { requirePeer } from '../peers.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-metadata-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

const at = (name: string): ByteString => fromText(join(folder, name));
const native = loadNativeMetadata();

describe('metadata by the C library', () => {
  it('sets times to the nanosecond, before 1970 too, and of a link itself', () => {
    writeFileSync(join(folder, 'file'), '');
    symlinkSync('file', join(folder, 'link'));
    native.setTimes(at('link'), { atimeNs: -1n, mtimeNs: -1_500_000_000_123_456_789n });
    native.setTimes(at('file'), { mtimeNs: 1_234_567_890_987_654_321n });
    const link = lstatSync(join(folder, 'link'), { bigint: true });
    expect([link.atimeNs, link.mtimeNs]).toEqual([-1n, -1_500_000_000_123_456_789n]);
    expect(lstatSync(join(folder, 'file'), { bigint: true }).mtimeNs).toBe(1_234_567_890_987_654_321n);
  });

  it('keeps attributes byte for byte, the empty one too', () => {
    writeFileSync(join(folder, 'file'), '');
    native.setAttribute(at('file'), fromText('user.bytes'), Buffer.from([0, 255, 10]));
    native.setAttribute(at('file'), fromText('user.empty'), Buffer.alloc(0));
    const attributes = native.readAttributes(at('file')).map(({ name, value }) => [name, value.toString('hex')]);
    expect(new Map(attributes as [string, string][])).toEqual(
      new Map([
        ['user.bytes', '00ff0a'],
        ['user.empty', ''],
      ]),
    );
    native.removeAttribute(at('file'), fromText('user.bytes'));
    expect(native.readAttributes(at('file'))).toHaveLength(1);
  });

  it('fails with the code that Node would give', () => {
    expect(() => native.setTimes(at('absent'), { mtimeNs: 0n })).toThrow(expect.objectContaining({ code: 'ENOENT' }));
    expect(() => native.makeFifo(at('absent/fifo'), 0o600)).toThrow(expect.objectContaining({ code: 'ENOENT' }));
  });
});

const setfacl = requirePeer('setfacl');

setfacl.describe('an access control list', () => {
  it('is read as setfacl has set it, the mask applied', () => {
    writeFileSync(join(folder, 'file'), '', { mode: 0o640 });
    execFileSync(setfacl.command, ['-m', 'u:1234:rwx,g:4321:r,m::rx', join(folder, 'file')]);
    const value = native.readAttributes(at('file')).find(({ name }) => name === ACL_ACCESS_ATTRIBUTE)?.value;
    const acl = parseAcl(value!);
    expect(acl).toContainEqual({ principal: 'user', id: 1234, read: true, write: true, execute: true });
    expect(effectiveAcl(0o640, acl)).toEqual([
      { principal: 'owner', read: true, write: true, execute: false },
      { principal: 'user', id: 1234, read: true, write: false, execute: true },
      { principal: 'group-owner', read: true, write: false, execute: false },
      { principal: 'group', id: 4321, read: true, write: false, execute: false },
      { principal: 'other', read: false, write: false, execute: false },
    ]);
  });
});

describe('bytes that are no access control list', () => {
  it('are refused', () => {
    for (const bytes of ['', '03000000', '0200000001', '02000000ff00070000000000']) {
      expect(parseAcl(Buffer.from(bytes, 'hex'))).toBeUndefined();
    }
  });
});

describe('account names', () => {
  it('are found both ways in the files, and are absent where nobody has them', () => {
    writeFileSync(
      join(folder, 'passwd'),
      'root:x:0:0::/:/bin/sh\nalso:x:0:0::/:/bin/sh\nann:x:1000:50::/:/bin/sh\nbad\n',
    );
    writeFileSync(join(folder, 'group'), 'root:x:0:\nstaff:x:50:bob,root\n');
    const sources = { passwdFile: join(folder, 'passwd'), groupFile: join(folder, 'group'), askSystem: false };
    const names = openAccountNames(sources);
    expect([names.userName(0), names.userName(1000), names.userName(7)]).toEqual(['root', 'ann', undefined]);
    expect([names.userId('also'), names.groupId('staff'), names.groupName(50)]).toEqual([0, 50, 'staff']);
    expect(names.groupMembers('staff')).toEqual(['bob', 'root', 'ann']);
    expect(names.groupMembers('nobody-has-it')).toEqual([]);
  });

  it('of the system know root', () => {
    const names = openAccountNames();
    expect([names.userName(0), names.userId('root')]).toEqual(['root', 0]);
    expect(names.userName(3_999_999_999)).toBeUndefined();
    // Without the file, getent answers.
    expect(openAccountNames({ passwdFile: join(folder, 'absent') }).userName(0)).toBe('root');
  });
});

describe('byte paths', () => {
  it('are shown on one line, whatever is in them', () => {
    expect(displayPath(fromText('ünï/x y'))).toBe('ünï/x y');
    expect(displayPath('a\n\x1b[2J\\n' as ByteString)).toBe('a\\n\\x1b[2J\\\\n');
    expect(displayPath('\xff\xfe' as ByteString)).toBe('\\xff\\xfe');
    expect(displayPath(fromText('\u202egpj.exe'))).toBe('\\u202egpj.exe');
  });

  it('are text only where they are UTF-8', () => {
    expect(toText(fromText('日本'))).toBe('日本');
    expect(toText('\xff' as ByteString)).toBeUndefined();
  });

  it('stay inside their tree, or are none', () => {
    const judged = ['a', 'a/b', '', '/a', 'a/', 'a//b', '.', 'a/..', 'a\0'].map((path) =>
      isRelativePath(path as ByteString),
    );
    expect(judged).toEqual([true, true, false, false, false, false, false, false, false]);
  });
});

describe('exclude markers', () => {
  it('leave of a marked folder only themselves', () => {
    writeFileSync(join(folder, '.nobackup'), '');
    expect(createExcludeMarkers({ excludeIfPresent: ['.nobackup'] }).keptIn(fromText(folder))).toEqual(
      new Set(['.nobackup']),
    );
    expect(createExcludeMarkers({ excludeIfPresent: ['other'] }).keptIn(fromText(folder))).toBeUndefined();
  });

  it('with a header count only with it, as of a cache folder', () => {
    const markers = createExcludeMarkers({ excludeCaches: true });
    writeFileSync(join(folder, 'CACHEDIR.TAG'), 'something else');
    expect(markers.keptIn(fromText(folder))).toBeUndefined();
    writeFileSync(join(folder, 'CACHEDIR.TAG'), 'Signature: 8a477f597d28d172789f06886806bc55\n# more');
    expect(markers.keptIn(fromText(folder))).toEqual(new Set(['CACHEDIR.TAG']));
  });
});
