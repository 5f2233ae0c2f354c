/** What differs between two states of an action, field by field, in the words of the policy language. */
import type { Action } from './action.ts';
import { fieldsOf, type FieldItem, type FieldValue } from './action-fields.ts';

/** Of a value `before` and `after`, of a list what came and what went. */
export interface FieldChange {
  field: string;
  /** Absent: it was not there. */
  before?: string;
  /** Absent: it is there no longer. */
  after?: string;
  added?: string[];
  removed?: string[];
}

/** Fields in the order of the later state, those that are gone at their end; empty for equal actions alone. */
export function compareActions(before: Action, after: Action): FieldChange[] {
  const [old, now] = [fieldsOf(before), fieldsOf(after)];
  const changes: FieldChange[] = [];
  for (const field of new Set([...now.keys(), ...old.keys()])) {
    const change = compareField(field, old.get(field), now.get(field));
    if (change !== undefined) changes.push(change);
  }
  return changes;
}

function compareField(
  field: string,
  before: FieldValue | undefined,
  after: FieldValue | undefined,
): FieldChange | undefined {
  if (Array.isArray(before) || Array.isArray(after)) return compareList(field, listOf(before), listOf(after));
  if (before?.exact === after?.exact) return undefined;
  return {
    field,
    ...(before === undefined ? {} : { before: before.text }),
    ...(after === undefined ? {} : { after: withoutRepetition(before, after) }),
  };
}

/** What differs is not shown: the arguments of a program, the text of a script. */
function withoutRepetition(before: FieldItem | undefined, after: FieldItem): string {
  return before?.text === after.text ? `${after.text}, changed` : after.text;
}

function compareList(field: string, before: FieldItem[], after: FieldItem[]): FieldChange | undefined {
  const added = after.filter((item) => !before.some(({ exact }) => exact === item.exact));
  const removed = before.filter((item) => !after.some(({ exact }) => exact === item.exact));
  if (added.length > 0 || removed.length > 0)
    return {
      field,
      added: added.map((item) =>
        withoutRepetition(
          removed.find(({ text }) => text === item.text),
          item,
        ),
      ),
      removed: removed.map(({ text }) => text),
    };
  if (before.length === after.length && before.every(({ exact }, index) => exact === after[index]!.exact))
    return undefined;
  const inWords = (items: FieldItem[]) => items.map(({ text }) => text).join(', ');
  return { field, before: inWords(before), after: inWords(after) };
}

function listOf(value: FieldValue | undefined): FieldItem[] {
  return value === undefined ? [] : Array.isArray(value) ? value : [value];
}
