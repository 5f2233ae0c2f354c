/**
 * Keys that stand twice in one map: in time proportional to the document. The YAML library compares each key with all
 * before it, and is told not to.
 */
import { type Document as YamlDocument, isCollection, isPair, isScalar, YAMLParseError } from 'yaml';

/** At most `most` errors, as the library itself would put them: at the second key and at each after it. */
export function findDuplicateKeys({ contents }: YamlDocument.Parsed, most: number): YAMLParseError[] {
  const errors: YAMLParseError[] = [];
  const visit = (node: unknown): void => {
    if (!isCollection(node)) return;
    const keys = new Set<unknown>();
    for (const item of node.items) {
      if (!isPair(item)) visit(item);
      else {
        const { key, value } = item;
        if (isScalar(key)) {
          if (keys.has(key.value) && errors.length < most) errors.push(duplicateAt(key.range?.[0] ?? 0));
          keys.add(key.value);
        } else visit(key);
        visit(value);
      }
    }
  };
  visit(contents);
  return errors;
}

function duplicateAt(offset: number): YAMLParseError {
  return new YAMLParseError([offset, offset + 1], 'DUPLICATE_KEY', 'Map keys must be unique');
}
