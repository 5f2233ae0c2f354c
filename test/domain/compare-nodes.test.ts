import { expect, test } from 'vitest';
import { compareNodes, countEntry } from '../../domain/compare-nodes.ts';

const file = (content: string[] | null, mode = 0): { type: string; content: string[] | null; mode: number } => ({
  type: 'file',
  content,
  mode,
});
const modeOf = ({ mode }: { mode: number }): string => String(mode);

test('a file is told by its content first, by its metadata only when that is asked for', () => {
  expect(compareNodes(file(['a', 'b']), file(['a', 'b'], 1))).toBe('');
  expect(compareNodes(file(['a', 'b']), file(['a', 'b'], 1), modeOf)).toBe('U');
  expect(compareNodes(file(['a', 'b']), file(['b', 'a'], 1), modeOf)).toBe('M');
  expect(compareNodes(file(['a']), file(['a', 'b']))).toBe('M');
  expect(compareNodes(file(null), file([]))).toBe('');
});

test('a new type is T, whatever the content is', () => {
  const folder = { type: 'dir', content: null, mode: 1 };
  expect(compareNodes(file(['a']), folder)).toBe('T');
  expect(compareNodes(folder, file(['a']), modeOf)).toBe('TU');
});

test('what is neither file nor folder is counted apart', () => {
  const counts = { files: 0, dirs: 0, others: 0 };
  for (const type of ['file', 'dir', 'symlink', 'fifo', 'file']) countEntry(counts, type);
  expect(counts).toEqual({ files: 2, dirs: 1, others: 2 });
});
