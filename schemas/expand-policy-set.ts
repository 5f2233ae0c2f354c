/** Makes the policies of a PolicySet: one part for each entry, as if it were written out, with the places of what is written. */
import type { DocumentPath } from './loaded-document.ts';
import { fillText, wholePlaceholder } from './placeholders.ts';
import type { PolicySet } from './types.ts';
import type { YamlPart } from './yaml-source.ts';

type Values = PolicySet['spec']['each'][string];

/** The name of the policy that a set makes of an entry. */
export function policyNameOf(set: PolicySet, key: string): string {
  return `${set.metadata.name}-${key}`;
}

/**
 * One Policy for each entry, in the order written. The set must have its schema's shape and sound placeholders
 * (`findTemplateProblems`); of the policies nothing is checked yet. What an entry gives has its place there, all else
 * in the template.
 */
export function expandPolicySet(part: YamlPart): YamlPart[] {
  const set = part.data as PolicySet;
  const { each, template } = set.spec;
  const names = Object.keys(each).map((key) => policyNameOf(set, key));
  return Object.entries(each).map(([key, values], index): YamlPart => {
    const name = names[index]!;
    const { metadata = {}, spec } = fill(template, key, values) as PolicySet['spec']['template'];
    return {
      data: { apiVersion: set.apiVersion, kind: 'Policy', metadata: { ...metadata, name }, spec },
      broken: false,
      mark(path, which = 'value') {
        const origin = originOf(path, which, template, key);
        const mark = part.mark(origin.path, origin.which);
        return origin.path[1] === 'each' ? mark : { ...mark, template: { policies: [name], total: names.length } };
      },
    };
  });
}

function fill(value: unknown, key: string, values: Values): unknown {
  const valueOf = (name: string): unknown => (name === 'key' ? key : values[name]);
  if (typeof value === 'string') {
    const whole = wholePlaceholder(value);
    return whole === undefined ? fillText(value, valueOf) : valueOf(whole);
  }
  if (Array.isArray(value)) return value.map((item) => fill(item, key, values));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, fill(member, key, values)]));
}

/** Where a part of a policy is written in its set. */
function originOf(
  path: DocumentPath,
  which: 'key' | 'value',
  template: PolicySet['spec']['template'],
  key: string,
): { path: DocumentPath; which: 'key' | 'value' } {
  const entry = ['spec', 'each', key];
  if (path.length === 0 || (path[0] === 'metadata' && path[1] === 'name')) return { path: entry, which: 'key' };
  let value: unknown = template;
  for (const [index, step] of path.entries()) {
    value = typeof value === 'object' && value !== null ? (value as Record<string | number, unknown>)[step] : undefined;
    const name = typeof value === 'string' ? wholePlaceholder(value) : undefined;
    const rest = path.slice(index + 1);
    if (name === undefined || (rest.length === 0 && which === 'key')) continue;
    return name === 'key' ? { path: entry, which: 'key' } : { path: [...entry, name, ...rest], which };
  }
  return { path: ['spec', 'template', ...path], which };
}
