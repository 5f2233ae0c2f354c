/** Replaces a schedule that is there, but only as it was seen: the raw call, because the client's own overwrites blindly. */
import { randomUUID } from 'node:crypto';
import type { Client, ScheduleOptions } from '@temporalio/client';
import { defaultDataConverter } from '@temporalio/common';
import { encodeUnifiedSearchAttributes } from '@temporalio/common/lib/converter/payload-search-attributes.js';
import {
  compileScheduleOptions,
  encodeScheduleAction,
  encodeSchedulePolicies,
  encodeScheduleSpec,
  encodeScheduleState,
} from '@temporalio/client/lib/schedule-helpers.js';

/**
 * `token`: the conflict token of the description that was looked at. With a stale one the server drops the write
 * without a word: read back what became of it. All is replaced, its state and search attributes too.
 */
export async function replaceSchedule(
  client: Client,
  wanted: ScheduleOptions,
  token: Uint8Array | null | undefined,
): Promise<void> {
  const { namespace, identity } = client.options;
  const { action } = compileScheduleOptions(wanted);
  await client.workflowService.updateSchedule({
    namespace,
    scheduleId: wanted.scheduleId,
    schedule: {
      spec: encodeScheduleSpec(wanted.spec),
      action: await encodeScheduleAction(defaultDataConverter, namespace, action, {}),
      policies: encodeSchedulePolicies(wanted.policies),
      state: encodeScheduleState(wanted.state),
    },
    conflictToken: token ?? null,
    requestId: randomUUID(),
    identity,
    searchAttributes: { indexedFields: encodeUnifiedSearchAttributes(undefined, wanted.typedSearchAttributes) },
  });
}
