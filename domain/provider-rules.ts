/** Providers: what a policy requires of those who keep its data, against what they have agreed to. */
import { formatDuration, parseDuration } from '../common/durations.ts';
import type { DocumentPath, LoadedDocument } from '../schemas/loaded-document.ts';
import type { Problem } from '../schemas/problem.ts';
import type { Location, Policy, Provider } from '../schemas/types.ts';
import { problemAt } from './located-problem.ts';
import type { PolicyFolder } from './policy-folder.ts';
import { retentionSpans } from './protection-rules.ts';

type LocationDocument = LoadedDocument<Location>;

export function findProviderProblems(folder: PolicyFolder): Problem[] {
  const policies = [...folder.policies.values()].flatMap((policy) => [
    ...checkRequirements(policy, folder),
    ...checkCopies(policy, folder),
    ...checkAgreements(policy, folder),
    ...checkEncryption(policy, folder),
  ]);
  return [...[...folder.providers.values()].flatMap(checkAgreementDates), ...policies];
}

/** The locations that hold data of a policy, one for each copy. */
function holders(policy: LoadedDocument<Policy>, folder: PolicyFolder): LocationDocument[] {
  const { sync = [], backup = [], copy = [] } = policy.content.spec;
  const repositories = [...backup, ...copy].map(({ to }) => folder.repositories.get(to)?.content.spec.location ?? '');
  return [...sync.map(({ to }) => to), ...repositories].flatMap((name) => folder.locations.get(name) ?? []);
}

function providerOf(
  location: LocationDocument | undefined,
  folder: PolicyFolder,
): LoadedDocument<Provider> | undefined {
  return folder.providers.get(location?.content.spec.provider ?? '');
}

function checkRequirements(policy: LoadedDocument<Policy>, folder: PolicyFolder): Problem[] {
  const { requires } = policy.content.spec;
  if (requires === undefined) return [];
  const problems: Problem[] = [];
  const tell = (key: string, index: number | undefined, message: string, hint: string): void => {
    const path: DocumentPath = index === undefined ? ['spec', 'requires', key] : ['spec', 'requires', key, index];
    problems.push(
      problemAt(policy, path, { code: 'provider-cannot', message, hint, part: index === undefined ? 'key' : 'value' }),
    );
  };
  const providers = new Set(holders(policy, folder).flatMap((location) => providerOf(location, folder) ?? []));
  for (const { name, content } of providers) {
    const { agreement, certificates = [] } = content.spec;
    const move = `use another provider, or correct what "${name}" has agreed to`;
    const { regions } = requires;
    if (regions !== undefined && !(agreement?.regions ?? []).some((region) => regions.includes(region))) {
      tell(
        'regions',
        undefined,
        `the provider "${name}" keeps data in ${listOr(agreement?.regions, 'no named region')}, which is not among these`,
        move,
      );
    }
    for (const [index, certificate] of (requires.certificates ?? []).entries()) {
      if (certificates.some((held) => held.name === certificate)) continue;
      tell('certificates', index, `the provider "${name}" holds no certificate "${certificate}"`, move);
    }
    if (
      requires.rta !== undefined &&
      (agreement?.rta === undefined || parseDuration(agreement.rta) > parseDuration(requires.rta))
    ) {
      tell(
        'rta',
        undefined,
        `the provider "${name}" has agreed to ${agreement?.rta === undefined ? 'no recovery time' : `recover within ${agreement.rta}`}`,
        move,
      );
    }
  }
  return problems;
}

/** What the targets can give at best: a location that does not say what it is counts as whatever is needed. */
function checkCopies(policy: LoadedDocument<Policy>, folder: PolicyFolder): Problem[] {
  const wanted = policy.content.spec.objectives?.copies;
  if (wanted === undefined) return [];
  const locations = holders(policy, folder);
  const media = new Set(locations.map(({ name, content }) => content.spec.medium ?? `unknown of ${name}`));
  const possible = {
    total: 1 + locations.length,
    // The source stands on a medium too, and nobody says on which.
    media: 1 + media.size,
    offsite: locations.length,
    immutable: locations.filter(({ content }) => content.spec.immutability !== undefined).length,
  };
  const words = {
    total: 'copies with the original',
    media: 'kinds of medium',
    offsite: 'offsite copies',
    immutable: 'immutable copies',
  };
  return (Object.keys(possible) as (keyof typeof possible)[]).flatMap((key) => {
    const count = wanted[key];
    if (count === undefined || count <= possible[key]) return [];
    const message = `the targets of this policy give at most ${possible[key]} ${words[key]}, and ${count} are wanted`;
    return [
      problemAt(policy, ['spec', 'objectives', 'copies', key], {
        code: 'too-few-copies',
        message,
        hint: 'add a backup, a sync or a copy to another location',
      }),
    ];
  });
}

/** What matters most should not lie readable with somebody else. */
function checkEncryption(policy: LoadedDocument<Policy>, folder: PolicyFolder): Problem[] {
  const { importance, sync = [] } = policy.content.spec;
  if (importance !== 'critical' && importance !== 'high') return [];
  return sync.flatMap(({ to, encrypt }, index) => {
    const provider = folder.locations.get(to)?.content.spec.provider;
    if (provider === undefined || encrypt !== undefined) return [];
    return [
      problemAt(policy, ['spec', 'sync', index, 'to'], {
        code: 'unencrypted-at-provider',
        severity: 'warning',
        message: `this sync of ${importance} data is not encrypted, and "${provider}" can read it`,
        hint: 'add encrypt: { passwordFrom: …, saltFrom: … }',
      }),
    ];
  });
}

/** Data cannot be promised for longer than somebody is bound to keep it. */
function checkAgreements(policy: LoadedDocument<Policy>, folder: PolicyFolder): Problem[] {
  return retentionSpans(policy, folder).flatMap(({ repository, seconds, path }) => {
    const location = folder.locations.get(folder.repositories.get(repository)?.content.spec.location ?? '');
    const provider = providerOf(location, folder);
    const { signed, expires } = provider?.content.spec.agreement ?? {};
    if (provider === undefined || signed === undefined || expires === undefined) return [];
    const agreed = (Date.parse(expires) - Date.parse(signed)) / 1000;
    if (seconds <= agreed) return [];
    const kept = Number.isFinite(seconds) ? `for ${formatDuration(seconds)}` : 'for ever';
    const message = `this retention keeps snapshots ${kept}, and the agreement with "${provider.name}" lasts ${formatDuration(agreed)}`;
    return [
      problemAt(policy, path, {
        code: 'retention-outlives-agreement',
        part: 'key',
        message,
        hint: 'keep for less, or make an agreement that lasts longer',
      }),
    ];
  });
}

function checkAgreementDates(provider: LoadedDocument<Provider>): Problem[] {
  const { signed, expires } = provider.content.spec.agreement ?? {};
  if (signed === undefined || expires === undefined || signed < expires) return [];
  const message = `the agreement ends on ${expires}, not after the day it was signed`;
  return [
    problemAt(provider, ['spec', 'agreement', 'expires'], {
      code: 'date',
      message,
      hint: 'correct one of the two days',
    }),
  ];
}

function listOr(words: readonly string[] | undefined, none: string): string {
  return words === undefined || words.length === 0 ? none : words.join(', ');
}
