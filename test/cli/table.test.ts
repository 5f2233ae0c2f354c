import { expect, test } from 'vitest';
import { createStyle } from '../../cli/output.ts';
import { renderTable } from '../../cli/table.ts';

const columns = [{ heading: 'ID' }, { heading: 'Size', align: 'right' as const }, { heading: 'Paths' }];

test('columns are as wide as their widest cell, numbers stand to the right, cells may have several lines', () => {
  const rows = [
    ['1a2b', '9 B', '/srv/a\n/srv/b'],
    ['ff', '12.5 MiB', '/x'],
  ];
  expect(renderTable(columns, rows)).toEqual([
    'ID        Size  Paths',
    '1a2b       9 B  /srv/a',
    '                /srv/b',
    'ff    12.5 MiB  /x',
  ]);
});

test('colours take no room, and a line is cut at the edge of the terminal', () => {
  const style = createStyle(true);
  const [, line] = renderTable(columns, [[style.bad('1a2b'), '1 B', '/a/very/long/path/indeed']], 20);
  expect(line).toBe('1a2b   1 B  /a/very…');
  expect(renderTable(columns, [[style.bad('1a2b'), '1 B', '/a']])[1]).toBe('\x1b[31m1a2b\x1b[39m   1 B  /a');
});
