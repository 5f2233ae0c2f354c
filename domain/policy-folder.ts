/** The documents of a policy folder by kind and name: where references are looked up. */
import type { Kind, LoadedDocument } from '../schemas/loaded-document.ts';
import type { Document, Location, Policy, Project, Provider, Repository } from '../schemas/types.ts';

export interface PolicyFolder {
  project?: LoadedDocument<Project>;
  providers: ReadonlyMap<string, LoadedDocument<Provider>>;
  locations: ReadonlyMap<string, LoadedDocument<Location>>;
  repositories: ReadonlyMap<string, LoadedDocument<Repository>>;
  /** By name, in the order of the files. */
  policies: ReadonlyMap<string, LoadedDocument<Policy>>;
}

export function indexDocuments(documents: readonly LoadedDocument[]): PolicyFolder {
  const project = documentsOf(documents, 'Project')[0];
  return {
    ...(project === undefined ? {} : { project }),
    providers: byName(documentsOf(documents, 'Provider')),
    locations: byName(documentsOf(documents, 'Location')),
    repositories: byName(documentsOf(documents, 'Repository')),
    policies: byName(documentsOf(documents, 'Policy')),
  };
}

type DocumentOf<K extends Kind> = LoadedDocument<Extract<Document, { kind: K }>>;

function documentsOf<K extends Kind>(documents: readonly LoadedDocument[], kind: K): DocumentOf<K>[] {
  return documents.filter((document): document is DocumentOf<K> => document.kind === kind);
}

function byName<T extends LoadedDocument>(documents: readonly T[]): Map<string, T> {
  return new Map(documents.map((document) => [document.name, document]));
}

/** The time zone of schedules that name none. */
export function projectTimezone(folder: PolicyFolder): string {
  return folder.project?.content.spec?.timezone ?? 'UTC';
}

/** Names of all policies, present and former: what has one of them belongs to somebody. */
export function policyNames({ policies }: Pick<PolicyFolder, 'policies'>): Set<string> {
  return new Set([...policies.values()].flatMap(({ name, content }) => [name, ...(content.metadata.formerly ?? [])]));
}
