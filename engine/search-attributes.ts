/** The search attributes that holdfast's schedules and runs carry, and their registration with a namespace. */
import type { Connection } from '@temporalio/client';
import { SearchAttributeType, defineSearchAttributeKey, type SearchAttributePair } from '@temporalio/common';
import { HoldfastError } from '../common/errors.ts';
import type { ActionRequest } from '../domain/action.ts';

/** Keywords; a namespace on SQLite has room for ten. They are never encrypted: names and hashes only. */
const KEYS = {
  policy: defineSearchAttributeKey('HoldfastPolicy', SearchAttributeType.KEYWORD),
  action: defineSearchAttributeKey('HoldfastAction', SearchAttributeType.KEYWORD),
  kind: defineSearchAttributeKey('HoldfastKind', SearchAttributeType.KEYWORD),
  target: defineSearchAttributeKey('HoldfastTarget', SearchAttributeType.KEYWORD),
  digest: defineSearchAttributeKey('HoldfastDigest', SearchAttributeType.KEYWORD),
  commit: defineSearchAttributeKey('HoldfastCommit', SearchAttributeType.KEYWORD),
  author: defineSearchAttributeKey('HoldfastAuthor', SearchAttributeType.KEYWORD),
};

/** Of schedules only: the digest of the whole schedule as it was last applied. */
export const SCHEDULE_DIGEST = defineSearchAttributeKey('HoldfastSchedule', SearchAttributeType.KEYWORD);

export const ATTRIBUTE_NAMES = [...Object.values(KEYS), SCHEDULE_DIGEST].map((key) => key.name);

/** Characters that the server's databases keep of a keyword. */
const LONGEST_KEYWORD = 255;

/** `INDEXED_VALUE_TYPE_KEYWORD` of temporal.api.enums.v1, which has no named export for ES modules. */
const KEYWORD = 2;

/** What every schedule and every run of an action carries. */
export function searchAttributesOf({ action, commit }: ActionRequest): SearchAttributePair[] {
  const pairs: SearchAttributePair[] = [
    { key: KEYS.action, value: action.id },
    { key: KEYS.kind, value: action.kind },
    { key: KEYS.target, value: action.target },
    { key: KEYS.digest, value: action.digest },
  ];
  if (action.policy !== undefined) pairs.push({ key: KEYS.policy, value: action.policy });
  if (commit.hash !== undefined) pairs.push({ key: KEYS.commit, value: commit.hash });
  if (commit.author !== undefined) pairs.push({ key: KEYS.author, value: commit.author.slice(0, LONGEST_KEYWORD) });
  return pairs;
}

/**
 * Registers what the namespace lacks. A known name with another type would be ignored silently by the server, so the
 * outcome is read back: EngineUnreachable when an attribute is missing or no keyword.
 */
export async function registerSearchAttributes(connection: Connection, namespace: string): Promise<void> {
  const { operatorService } = connection;
  const known = (await operatorService.listSearchAttributes({ namespace })).customAttributes ?? {};
  const missing = ATTRIBUTE_NAMES.filter((name) => known[name] === undefined);
  if (missing.length > 0)
    await operatorService.addSearchAttributes({
      namespace,
      searchAttributes: Object.fromEntries(missing.map((name) => [name, KEYWORD])),
    });
  const now = (await operatorService.listSearchAttributes({ namespace })).customAttributes ?? {};
  const wrong = ATTRIBUTE_NAMES.filter((name) => now[name] !== KEYWORD);
  if (wrong.length > 0)
    throw new HoldfastError('EngineUnreachable', `the namespace ${namespace} lacks the keywords ${wrong.join(', ')}`, {
      hint: 'remove search attributes of these names that have another type, or use a namespace of its own',
      retryable: false,
    });
}
