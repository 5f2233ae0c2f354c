/** What to write instead of a value that is none. */
import { followReference, objectBranch, type SchemaNode } from './schema-tree.ts';
import { show, suchAs } from './wording.ts';

/** As the pattern of names has it. */
const LONGEST_NAME = 63;

/** What a bare number may lack, by the title of its schema. */
const UNITS: Record<string, string[]> = {
  Duration: ['s', 'm', 'h', 'd'],
  Interval: ['m', 'h', 'd', 'w'],
  'Retention period': ['h', 'd', 'mo', 'y'],
  Size: ['KiB', 'MiB', 'GiB'],
  Rate: ['KiB/s', 'MiB/s'],
  Share: ['%'],
};

/** Of a text of the wrong form. */
export function formHint(schema: SchemaNode, title: string, value: string): string {
  if (title.startsWith('Retention period')) return retentionPeriodHint(value);
  if (title === 'Name')
    return value.length > LONGEST_NAME
      ? `at most ${LONGEST_NAME} characters`
      : 'use lower-case letters, digits and hyphens';
  if (title.startsWith('Path ')) return 'write a path that begins with a name and has no ".."';
  if (title === 'Time of day') return 'write hours and minutes in quotes, like "02:30"';
  if (title === 'Duration' || title === 'Interval') {
    if (/mo|y/.test(value)) return 'there are no months and years here: write days (30d, 365d)';
    if (/^\d+$/.test(value)) return `add a unit: s, m, h, d or w`;
  }
  if (title === 'Size' && /^[\d.]+ *[kmgt]b?$/i.test(value)) return 'sizes have binary units: KiB, MiB, GiB, TiB';
  return `write it${suchAs(schema)}`;
}

/** Of a value of the wrong type; `written` is how the file has it. */
export function typeHint(
  schema: SchemaNode,
  key: string | number | undefined,
  value: unknown,
  written: string,
): string {
  if (value === null) return `write one${suchAs(schema)}, or remove the key`;
  if (schema.type === 'array' && !Array.isArray(value) && typeof value !== 'object')
    return `write a list: [${typeof value === 'number' ? show(value) : JSON.stringify(value)}]`;
  if (schema.type === 'array') return `begin each item with a dash${itemExample(schema.items)}`;
  if (schema.type === 'string' && ['number', 'boolean'].includes(typeof value)) {
    const units = UNITS[schema.title ?? ''];
    if (units === undefined || typeof value !== 'number' || !Number.isFinite(value))
      return `put it in quotes: "${/^[\w.+-]{1,40}$/.test(written) ? written : show(value)}"`;
    return `add a unit: ${units.map((unit) => `${value}${unit}`).join(', ')}`;
  }
  if (schema.type === 'boolean') return `write ${/^(no|off|false|n|0)$/i.test(String(value)) ? 'false' : 'true'}`;
  if (schema.type === 'object') return `known here: ${Object.keys(schema.properties ?? {}).join(', ')}`;
  return typeof key === 'number' ? 'correct this item' : `write it${suchAs(schema)}`;
}

/** Of a list of maps: what an item has at least. */
function itemExample(items: SchemaNode | undefined): string {
  const item = items === undefined ? {} : objectBranch(followReference(items));
  const keys = (item.required ?? []).map((key) => [key, followReference(item.properties?.[key] ?? {}).examples?.[0]]);
  if (keys.length === 0 || keys.some(([, example]) => typeof example !== 'string')) return '';
  return `: - { ${keys.map(([key, example]) => `${String(key)}: ${String(example)}`).join(', ')} }`;
}

export function retentionPeriodHint(text: string): string {
  if (/\d\s*m(?!o)/.test(text)) return 'a bare "m" could mean minutes or months: write mo for months, as in 1y6mo';
  if (/\d\s*w/.test(text)) return 'restic counts no weeks here: write days (6w is 42d)';
  return 'write numbers with y, mo, d and h, as in 1y6mo, 30d or 48h';
}
