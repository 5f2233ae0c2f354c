/** The documents that an import makes, gathered by place and under unique names, with comments where a person has to decide. */
import { isWithin } from '../common/paths.ts';
import type { KeepRules } from '../domain/action.ts';
import { BUILT_IN_CLASSES, DEFAULT_CLASS } from '../domain/classes.ts';
import { formatDuration } from '../common/durations.ts';
import { isExcluded } from '../domain/exclude-match.ts';
import { resolveSchedule, type ScheduleBlock } from '../domain/resolve-schedule.ts';
import { longestGapSeconds } from '../domain/schedule-gaps.ts';
import type { ResticPlace } from './restic-place.ts';
import type { ReferredSecret } from './secret-reference.ts';

export interface DraftDocument {
  kind: 'Location' | 'Repository' | 'Policy';
  name: string;
  description?: string;
  spec: Record<string, unknown>;
  /** Before the document. */
  comments: string[];
  /** It would not be valid, or not safe, as it is: it is written as a comment. */
  isOpen?: boolean;
}

export interface RepositoryDraft {
  place: ResticPlace;
  secret: ReferredSecret;
  compression?: string | undefined;
  /** KiB a second. */
  limits?: { upload?: number | undefined; download?: number | undefined };
  comments?: string[];
}

export interface PolicyDraft {
  name: string;
  /** For people: what it was, and where. */
  comments: string[];
  /** Absolute. */
  directories: string[];
  source: Record<string, unknown> & { exclude?: string[] };
  /** Names of repositories. */
  to: string[];
  schedule?: ScheduleBlock | undefined;
  tags: string[];
  keep?: KeepRules | undefined;
  keepSchedule?: ScheduleBlock | undefined;
  copies: { from: string; to: string; schedule?: ScheduleBlock | undefined }[];
  /** As `ImportNotes.takeDecisions` gives them. */
  decisions: string[];
  /** What is missing for a policy: with any, it is written as a comment. */
  missing: string[];
}

const DAY = 86_400;

export class DraftFolder {
  readonly documents: DraftDocument[] = [];
  readonly #names = new Set<string>();
  readonly #byPlace = new Map<string, DraftDocument>();

  /** The name that a policy refers to; one for each place, whoever names it. */
  repository(wanted: string, draft: RepositoryDraft): string {
    const { limits = {}, place, secret } = draft;
    const key = JSON.stringify(place.spec);
    const known = this.#byPlace.get(key);
    if (known !== undefined) return known.name;
    const name = this.#unique(wanted, ['Location', 'Repository']);
    const rates = Object.entries(limits).flatMap(([way, kib]) =>
      kib === undefined || kib <= 0 ? [] : [[way, `${kib}KiB/s`]],
    );
    const limited = rates.length === 0 ? {} : { limits: Object.fromEntries(rates) as Record<string, string> };
    this.documents.push({ kind: 'Location', name, spec: { ...place.spec, ...limited }, comments: place.decisions });
    const document: DraftDocument = {
      kind: 'Repository',
      name,
      spec: {
        location: name,
        passwordFrom: secret.reference,
        ...(draft.compression === undefined ? {} : { compression: draft.compression }),
      },
      comments: [...(draft.comments ?? []), ...(secret.decision === undefined ? [] : [secret.decision])],
    };
    this.documents.push(document);
    this.#byPlace.set(key, document);
    return name;
  }

  /** What a repository's own work is to be: the first that says so. */
  setWork(repository: string, work: 'prune' | 'check', block: Record<string, unknown>): void {
    const document = this.documents.find(({ kind, name }) => kind === 'Repository' && name === repository);
    if (document === undefined) return;
    const known = document.spec[work] as Record<string, unknown> | undefined;
    document.spec[work] = known === undefined || Object.keys(known).length < Object.keys(block).length ? block : known;
  }

  policy(draft: PolicyDraft): string {
    const name = this.#unique(draft.name, ['Policy']);
    const comments = [...draft.comments, ...draft.decisions];
    const backup = { ...draft.schedule, ...(draft.tags.length === 0 ? {} : { tags: draft.tags }) };
    const exclude = [...(draft.source.exclude ?? []), ...this.#ownPlaces(draft, comments)];
    const rpo = rpoOf(draft.schedule, name);
    if (rpo !== undefined) comments.push('To decide: rpo is twice the interval; how much may be lost is yours to say');
    const { exclude: _, host, ...source } = draft.source;
    const spec = {
      importance: DEFAULT_CLASS,
      ...(rpo === undefined ? {} : { objectives: { rpo } }),
      source: {
        ...(host === undefined ? {} : { host }),
        ...(draft.directories.length === 0 ? {} : foldersOf(draft.directories)),
        ...(exclude.length === 0 ? {} : { exclude }),
        ...source,
      },
      // Of one that lacks its repository: what is to be filled in.
      backup: (draft.to.length === 0 ? ['REPOSITORY'] : draft.to).map((to) => ({ to, ...backup })),
      ...(draft.copies.length === 0
        ? {}
        : { copy: draft.copies.map(({ from, to, schedule }) => ({ from, to, ...(schedule ?? { every: '1d' }) })) }),
      ...(draft.keep === undefined ? {} : { retention: { ...draft.keepSchedule, keep: draft.keep } }),
    };
    if (draft.keep === undefined)
      comments.push(
        'To decide: there is no retention, nothing is ever forgotten; keep: class takes the rules of the class',
      );
    const isOpen = draft.missing.length > 0;
    if (isOpen) comments.push(...draft.missing, 'Complete it, and take the comment signs away.');
    this.documents.push({ kind: 'Policy', name, spec, comments, ...(isOpen ? { isOpen } : {}) });
    return name;
  }

  /** Repositories inside the source would be protected by themselves, and grow without end. */
  #ownPlaces({ directories, source, to }: PolicyDraft, comments: string[]): string[] {
    const places = this.documents.flatMap(({ kind, name, spec }) => {
      const path = (spec['local'] as { path?: string } | undefined)?.path;
      return kind === 'Location' && path !== undefined && to.includes(name) ? [path] : [];
    });
    return places.filter((path) => {
      const within = directories.find((directory) => isWithin(path, directory));
      if (within === undefined || isExcluded(path, within, source.exclude ?? [])) return false;
      comments.push(`${path}, the repository itself, lies inside the source, and is excluded`);
      return true;
    });
  }

  #unique(wanted: string, kinds: readonly string[]): string {
    const plain =
      wanted
        .normalize('NFKD')
        .toLowerCase()
        .replaceAll(/[^a-z0-9]+/g, '-')
        .slice(0, 60)
        .replaceAll(/^-+|-+$/g, '') || 'unnamed';
    const isTaken = (name: string): boolean => kinds.some((kind) => this.#names.has(`${kind}/${name}`));
    let name = plain;
    for (let number = 2; isTaken(name); number++) name = `${plain.slice(0, 59)}-${number}`;
    for (const kind of kinds) this.#names.add(`${kind}/${name}`);
    return name;
  }
}

function foldersOf(directories: readonly string[]): Record<string, unknown> {
  return directories.length === 1 ? { directory: directories[0] } : { directories };
}

/** Where the class's RPO could not be kept with this interval. */
function rpoOf(schedule: ScheduleBlock | undefined, name: string): string | undefined {
  if (schedule === undefined) return undefined;
  const { backupEvery, objectives } = BUILT_IN_CLASSES[DEFAULT_CLASS];
  const gap = longestGapSeconds(resolveSchedule(schedule, { every: backupEvery, timezone: 'UTC', actionId: name }));
  return gap < objectives.rpoSeconds ? undefined : formatDuration(Math.ceil((2 * gap) / DAY) * DAY);
}
