/** The documents of holdfast/v1 as types. */
// Generated from the JSON Schemas of this folder by `npm run generate`: change those, not this file.

/**
 * Any document of holdfast/v1.
 */
export type Document = Project | Provider | Location | Repository | Policy | PolicySet;

/**
 * What all policies of the folder share; at most one, and everything has a default.
 */
export interface Project {
  /**
   * The version of the language.
   */
  apiVersion: 'holdfast/v1';
  /**
   * What this document describes.
   */
  kind: 'Project';
  metadata: Metadata;
  spec?: ProjectSpec;
}
/**
 * Who this document is.
 */
export interface Metadata {
  /**
   * The name of the document, unique among those of its kind.
   */
  name: string;
  /**
   * Who answers for it.
   */
  owner?: string;
  /**
   * What it is, in a sentence.
   */
  description?: string;
  labels?: Labels;
}
/**
 * Words of your own, for searching.
 */
export interface Labels {
  /**
   * The value.
   */
  [k: string]: string;
}
/**
 * The settings.
 */
export interface ProjectSpec {
  engine?: Engine;
  /**
   * The time zone of all schedules that name none.
   */
  timezone?: string;
  /**
   * Changes the built-in classes, or adds some.
   */
  importance?: {
    [k: string]: ImportanceClass;
  };
  evidence?: Evidence;
  audit?: Audit;
  /**
   * Who may approve what waits for an approval.
   *
   * Items: Text of one character or more.
   */
  approvers?: string[];
  /**
   * Who is told about what.
   */
  notify?: Notification[];
  heartbeat?: Heartbeat;
  /**
   * Findings that are accepted, for a time.
   */
  exceptions?: Exception[];
}
/**
 * The Temporal that runs the workflows: an embedded one that holdfast starts itself, or one at an address.
 */
export interface Engine {
  /**
   * Holdfast starts a Temporal of its own.
   */
  embedded?: true;
  /**
   * Host and port of a Temporal frontend.
   */
  address?: string;
  /**
   * The namespace there.
   */
  namespace?: string;
  tls?: TLS;
  apiKeyFrom?: SecretReference;
}
/**
 * Encryption of the connection. An empty block uses the system's certificate authorities.
 */
export interface TLS {
  /**
   * The name that the certificate must carry.
   */
  serverName?: string;
  /**
   * The certificate authority's certificate (PEM).
   */
  ca?: string;
  /**
   * The client's certificate (PEM).
   */
  certificate?: string;
  privateKeyFrom?: SecretReference;
}
/**
 * Where a secret is found, never the secret itself; it is resolved on the worker, when it is used.
 */
export interface SecretReference {
  /**
   * The name of an environment variable of the worker.
   */
  env?: string;
  /**
   * A file: an absolute path, or one below the worker's secrets folder (with the embedded engine: the policy folder). One line end at its end does not count.
   */
  file?: string;
  /**
   * A program and its arguments; what it prints is the secret. Needs a worker with `--allow-commands`.
   */
  command?: string[];
}
/**
 * Intervals, objectives and keep rules of one class; what is not written comes from the built-in class of that name, else from `normal`.
 */
export interface ImportanceClass {
  sync?: ClassSync;
  backup?: ClassBackup;
  objectives?: ClassObjectives;
  restoreTest?: ClassRestoreTest;
  accessCheck?: ClassAccessCheck;
  retention?: ClassRetention;
}
/**
 * Its syncs.
 */
export interface ClassSync {
  /**
   * How often: a time that divides a day, or a whole number of days or weeks.
   */
  every?: string;
}
/**
 * Its backups.
 */
export interface ClassBackup {
  /**
   * How often: a time that divides a day, or a whole number of days or weeks.
   */
  every?: string;
}
/**
 * Its objectives.
 */
export interface ClassObjectives {
  /**
   * Maximum tolerated age of recoverable data.
   */
  rpo?: string;
  /**
   * Maximum tolerated recovery time.
   */
  rto?: string;
}
/**
 * Its restore tests.
 */
export interface ClassRestoreTest {
  /**
   * How often: a time that divides a day, or a whole number of days or weeks.
   */
  every?: string;
}
/**
 * Its access checks.
 */
export interface ClassAccessCheck {
  /**
   * How often: a time that divides a day, or a whole number of days or weeks.
   */
  every?: string;
}
/**
 * What `keep: class` means.
 */
export interface ClassRetention {
  keep?: KeepRules;
}
/**
 * restic's rules: a snapshot stays when one of them keeps it. -1 means all.
 */
export interface KeepRules {
  /**
   * The newest n.
   */
  last?: number;
  /**
   * The newest of each of the last n hours that have one.
   */
  hourly?: number;
  /**
   * The newest of each of the last n days that have one.
   */
  daily?: number;
  /**
   * The newest of each of the last n weeks that have one.
   */
  weekly?: number;
  /**
   * The newest of each of the last n months that have one.
   */
  monthly?: number;
  /**
   * The newest of each of the last n years that have one.
   */
  yearly?: number;
  /**
   * All that are younger than this, counted from the newest.
   */
  within?: string;
  /**
   * The newest of each hour, within this time.
   */
  withinHourly?: string;
  /**
   * The newest of each day, within this time.
   */
  withinDaily?: string;
  /**
   * The newest of each week, within this time.
   */
  withinWeekly?: string;
  /**
   * The newest of each month, within this time.
   */
  withinMonthly?: string;
  /**
   * The newest of each year, within this time.
   */
  withinYearly?: string;
  /**
   * Those that carry one of these tags.
   *
   * Items: Text of one character or more.
   */
  tags?: string[];
}
/**
 * Where run and apply records are kept, and who signs them.
 */
export interface Evidence {
  /**
   * A Location. Default: the folder `evidence` of the state folder.
   */
  location?: string;
  /**
   * Below the location. Default: the location itself.
   */
  path?: string;
  signingKeyFrom?: SecretReference;
}
/**
 * When expected runs are compared with recorded ones.
 */
export interface Audit {
  /**
   * How often the audit runs.
   */
  every?: string;
  /**
   * The local time of runs that are days apart, in quotes; it follows the clocks of `timezone`. A time that a change of clocks leaves out is skipped, one that it repeats is due twice. Without it, and without `offset`, the run is spread over the interval by a hash of policy and action, the same always.
   */
  at?: string;
  /**
   * The day of a weekly run; only with `every: 7d` and `at`.
   */
  day?: 'monday' | 'tuesday' | 'wednesday' | 'thursday' | 'friday' | 'saturday' | 'sunday';
  /**
   * How long after each start of the interval (counted from midnight UTC) the run begins.
   */
  offset?: string;
  /**
   * Five fields (minute, hour, day of month, month, day of week), instead of `every`. Values, ranges, lists and steps; months and weekdays also by name; 0 and 7 are Sunday; `5/15` means from 5 on. Not both days restricted.
   */
  cron?: string;
  /**
   * An IANA time zone, in which `at` and `cron` are read. Default: the Project's, else UTC.
   */
  timezone?: string;
  /**
   * A start may be later than its time by up to this, at random, but not as late as the next run.
   */
  jitter?: string;
  /**
   * The longest a run may take, with all its retries. Default: the interval, but at least 1h and at most 24h.
   */
  timeout?: string;
  /**
   * What happens after an outage of the engine: `latest`, the newest missed run happens and the others are recorded as missed (a run that the outage interrupted goes on instead, and the others are skipped); `skip`, none happens, but one that is less than 10 seconds late; `all`, each of the last 7 days happens, one after another, and a run then also waits for its predecessor instead of being skipped.
   */
  missed?: 'latest' | 'skip' | 'all';
  /**
   * A run whose predecessor is still at work is skipped, and recorded as skipped.
   */
  overlap?: 'skip';
  disabled?: Disabled;
}
/**
 * Switches the action off; the audit shows it with its reason.
 */
export interface Disabled {
  /**
   * Why, for the audit.
   */
  reason: string;
  /**
   * The day on which it runs again. Default: until this block is removed.
   */
  until?: string;
}
/**
 * One receiver.
 */
export interface Notification {
  webhookFrom?: SecretReference;
  /**
   * An address.
   */
  email?: string;
  /**
   * What is told.
   *
   * Items: An event.
   */
  events: ('failure' | 'missed' | 'finding' | 'recovery')[];
}
/**
 * A call to a watchdog elsewhere; its silence is the alarm.
 */
export interface Heartbeat {
  urlFrom: SecretReference;
  /**
   * How often.
   */
  every?: string;
}
/**
 * One accepted finding.
 */
export interface Exception {
  /**
   * The code of the finding.
   */
  finding: string;
  /**
   * What it is about: kind and name of a document.
   */
  subject: string;
  /**
   * The day it ends.
   */
  until: string;
  /**
   * Why it is acceptable.
   */
  reason: string;
  /**
   * Who accepted it.
   */
  approvedBy: string;
}
/**
 * Who keeps the bytes, what was agreed, and what it is.
 */
export interface Provider {
  /**
   * The version of the language.
   */
  apiVersion: 'holdfast/v1';
  /**
   * What this document describes.
   */
  kind: 'Provider';
  metadata: Metadata;
  spec: ProviderSpec;
}
/**
 * The agreement.
 */
export interface ProviderSpec {
  agreement?: Agreement;
  /**
   * What the provider is certified for.
   */
  certificates?: Certificate[];
  prices?: Prices;
  review?: Review;
}
/**
 * What was agreed with the provider.
 */
export interface Agreement {
  /**
   * The contract.
   */
  document?: string;
  /**
   * The day it was signed.
   */
  signed?: string;
  /**
   * The day it ends.
   */
  expires?: string;
  /**
   * Recovery time agreed.
   */
  rta?: string;
  /**
   * Availability agreed.
   */
  availability?: string;
  /**
   * Where the bytes are kept.
   *
   * Items: Text of one character or more.
   */
  regions?: string[];
}
/**
 * One certificate.
 */
export interface Certificate {
  /**
   * Its name.
   */
  name: string;
  /**
   * The day it ends.
   */
  expires?: string;
}
/**
 * What it costs.
 */
export interface Prices {
  /**
   * A GiB kept for a month.
   */
  storagePerGiBMonth?: number;
  /**
   * A GiB read.
   */
  egressPerGiB?: number;
  /**
   * ISO 4217.
   */
  currency: string;
}
/**
 * Its runs are measured against the agreement, and a person signs off.
 */
export interface Review {
  /**
   * How often.
   */
  every?: string;
  /**
   * The local time of runs that are days apart, in quotes; it follows the clocks of `timezone`. A time that a change of clocks leaves out is skipped, one that it repeats is due twice. Without it, and without `offset`, the run is spread over the interval by a hash of policy and action, the same always.
   */
  at?: string;
  /**
   * The day of a weekly run; only with `every: 7d` and `at`.
   */
  day?: 'monday' | 'tuesday' | 'wednesday' | 'thursday' | 'friday' | 'saturday' | 'sunday';
  /**
   * How long after each start of the interval (counted from midnight UTC) the run begins.
   */
  offset?: string;
  /**
   * Five fields (minute, hour, day of month, month, day of week), instead of `every`. Values, ranges, lists and steps; months and weekdays also by name; 0 and 7 are Sunday; `5/15` means from 5 on. Not both days restricted.
   */
  cron?: string;
  /**
   * An IANA time zone, in which `at` and `cron` are read. Default: the Project's, else UTC.
   */
  timezone?: string;
  /**
   * A start may be later than its time by up to this, at random, but not as late as the next run.
   */
  jitter?: string;
  /**
   * The longest a run may take, with all its retries. Default: the interval, but at least 1h and at most 24h.
   */
  timeout?: string;
  /**
   * What happens after an outage of the engine: `latest`, the newest missed run happens and the others are recorded as missed (a run that the outage interrupted goes on instead, and the others are skipped); `skip`, none happens, but one that is less than 10 seconds late; `all`, each of the last 7 days happens, one after another, and a run then also waits for its predecessor instead of being skipped.
   */
  missed?: 'latest' | 'skip' | 'all';
  /**
   * A run whose predecessor is still at work is skipped, and recorded as skipped.
   */
  overlap?: 'skip';
  disabled?: Disabled;
  /**
   * Who signs off.
   */
  by: string;
}
/**
 * Where bytes live: exactly one of local, sftp, gcs and s3.
 */
export interface Location {
  /**
   * The version of the language.
   */
  apiVersion: 'holdfast/v1';
  /**
   * What this document describes.
   */
  kind: 'Location';
  metadata: Metadata;
  spec: LocationSpec;
}
/**
 * The place.
 */
export interface LocationSpec {
  /**
   * The Provider that keeps the bytes.
   */
  provider?: string;
  /**
   * The place it stands at; copies at another site count as offsite.
   */
  site?: string;
  /**
   * What the bytes are kept on, for the rule 3-2-1-1-0.
   */
  medium?: 'disk' | 'tape' | 'object' | 'optical' | 'paper';
  local?: Local;
  sftp?: SFTP;
  gcs?: GCS;
  s3?: S3;
  identities?: Identities;
  limits?: Limits;
  immutability?: Immutability;
  access?: Access;
}
/**
 * A folder of a disk.
 */
export interface Local {
  /**
   * The folder.
   */
  path: string;
  /**
   * The host whose disk it is. Default: any worker's.
   */
  host?: string;
}
/**
 * A folder of an SSH server.
 */
export interface SFTP {
  /**
   * The server.
   */
  host: string;
  /**
   * Its port.
   */
  port?: number;
  /**
   * The folder there.
   */
  path: string;
  /**
   * Fingerprint of the server's key, as `ssh-keygen -l` prints it.
   */
  hostKey?: string;
  /**
   * A known_hosts file.
   */
  knownHosts?: string;
}
/**
 * A bucket of Google Cloud Storage.
 */
export interface GCS {
  /**
   * The bucket.
   */
  bucket: string;
  /**
   * Names begin with this.
   */
  prefix?: string;
  /**
   * The project it belongs to.
   */
  projectId?: string;
  /**
   * The URL of the service, when it is not the vendor's own. Variables of the environment (AWS_ENDPOINT_URL, STORAGE_EMULATOR_HOST) do not take its place: where one is set and none is given here, the location is refused.
   */
  endpoint?: string;
}
/**
 * A bucket of S3, or of a service that speaks its language.
 */
export interface S3 {
  /**
   * The bucket.
   */
  bucket: string;
  /**
   * Names begin with this.
   */
  prefix?: string;
  /**
   * The region.
   */
  region?: string;
  /**
   * The URL of the service, when it is not the vendor's own. Variables of the environment (AWS_ENDPOINT_URL, STORAGE_EMULATOR_HOST) do not take its place: where one is set and none is given here, the location is refused.
   */
  endpoint?: string;
  /**
   * The bucket stands in the path of the URL, not in its host name.
   */
  forcePathStyle?: boolean;
}
/**
 * Who acts as what. One that is missing falls back to writer. What is not given is the environment's own: user, SSH agent, the keys in `~/.ssh`, the credentials of buckets.
 */
export interface Identities {
  writer?: Identity;
  maintainer?: Identity1;
  reader?: Identity2;
}
/**
 * Adds: backup, sync copies.
 */
export interface Identity {
  /**
   * The account.
   */
  user?: string;
  privateKeyFrom?: SecretReference;
  passphraseFrom?: SecretReference;
  passwordFrom?: SecretReference;
  /**
   * Use the SSH agent.
   */
  agent?: boolean;
  credentialsFrom?: SecretReference;
}
/**
 * Deletes: prune, mirror removals, stale locks.
 */
export interface Identity1 {
  /**
   * The account.
   */
  user?: string;
  privateKeyFrom?: SecretReference;
  passphraseFrom?: SecretReference;
  passwordFrom?: SecretReference;
  /**
   * Use the SSH agent.
   */
  agent?: boolean;
  credentialsFrom?: SecretReference;
}
/**
 * Reads: restore tests, check, restore, the sources of syncs.
 */
export interface Identity2 {
  /**
   * The account.
   */
  user?: string;
  privateKeyFrom?: SecretReference;
  passphraseFrom?: SecretReference;
  passwordFrom?: SecretReference;
  /**
   * Use the SSH agent.
   */
  agent?: boolean;
  credentialsFrom?: SecretReference;
}
/**
 * How much of the connection may be used.
 */
export interface Limits {
  /**
   * Bytes written.
   */
  upload?: string;
  /**
   * Bytes read.
   */
  download?: string;
  /**
   * Other rates at times of day, in the project's time zone. The first that is now counts; what it does not name is as above.
   */
  times?: RatesOfATime[];
  /**
   * Connections at a time.
   */
  connections?: number;
}
/**
 * Rates from one time of day to another, over midnight too.
 */
export interface RatesOfATime {
  /**
   * When it begins, in quotes.
   */
  from: string;
  /**
   * When it ends, in quotes.
   */
  to: string;
  /**
   * Bytes written.
   */
  upload?: string;
  /**
   * Bytes read.
   */
  download?: string;
}
/**
 * What the storage itself enforces; checked against reality, and against retention.
 */
export interface Immutability {
  /**
   * `compliance`: nobody can shorten it; `governance`: an administrator can.
   */
  mode: 'compliance' | 'governance';
  /**
   * How long an object cannot be changed or deleted.
   */
  for: string;
}
/**
 * Who may do what; everyone else is a finding. Omitted: only root and the worker's own account.
 */
export interface Access {
  /**
   * May do everything.
   *
   * Items: Text of one character or more.
   */
  admins?: string[];
  /**
   * May add.
   *
   * Items: Text of one character or more.
   */
  writers?: string[];
  /**
   * May read.
   *
   * Items: Text of one character or more.
   */
  readers?: string[];
  /**
   * What everybody may do.
   */
  public?: 'denied' | 'read';
  /**
   * Attempts on a canary object, made as an attacker would; anonymous is built in.
   */
  probes?: Probe[];
}
/**
 * One probe.
 */
export interface Probe {
  /**
   * As whom.
   */
  as: 'anonymous' | 'writer' | 'maintainer' | 'reader';
  expect: Expectation;
}
/**
 * What must come of it.
 */
export interface Expectation {
  /**
   * List names.
   */
  list?: 'allowed' | 'denied';
  /**
   * Read an object.
   */
  read?: 'allowed' | 'denied';
  /**
   * Add an object.
   */
  write?: 'allowed' | 'denied';
  /**
   * Replace an object.
   */
  overwrite?: 'allowed' | 'denied';
  /**
   * Delete an object.
   */
  delete?: 'allowed' | 'denied';
}
/**
 * An encrypted, compressed, deduplicated restic repository.
 */
export interface Repository {
  /**
   * The version of the language.
   */
  apiVersion: 'holdfast/v1';
  /**
   * What this document describes.
   */
  kind: 'Repository';
  metadata: Metadata;
  spec: RepositorySpec;
}
/**
 * The repository.
 */
export interface RepositorySpec {
  /**
   * The Location it lies in.
   */
  location: string;
  /**
   * Below the location. Default: the location itself.
   */
  path?: string;
  passwordFrom: SecretReference;
  /**
   * How much time compression may take.
   */
  compression?: 'none' | 'auto' | 'max';
  prune?: Prune;
  check?: Check;
  keys?: Keys;
}
/**
 * Frees data that no snapshot uses. Runs only when written.
 */
export interface Prune {
  /**
   * How often.
   */
  every?: string;
  /**
   * The local time of runs that are days apart, in quotes; it follows the clocks of `timezone`. A time that a change of clocks leaves out is skipped, one that it repeats is due twice. Without it, and without `offset`, the run is spread over the interval by a hash of policy and action, the same always.
   */
  at?: string;
  /**
   * The day of a weekly run; only with `every: 7d` and `at`.
   */
  day?: 'monday' | 'tuesday' | 'wednesday' | 'thursday' | 'friday' | 'saturday' | 'sunday';
  /**
   * How long after each start of the interval (counted from midnight UTC) the run begins.
   */
  offset?: string;
  /**
   * Five fields (minute, hour, day of month, month, day of week), instead of `every`. Values, ranges, lists and steps; months and weekdays also by name; 0 and 7 are Sunday; `5/15` means from 5 on. Not both days restricted.
   */
  cron?: string;
  /**
   * An IANA time zone, in which `at` and `cron` are read. Default: the Project's, else UTC.
   */
  timezone?: string;
  /**
   * A start may be later than its time by up to this, at random, but not as late as the next run.
   */
  jitter?: string;
  /**
   * The longest a run may take, with all its retries. Default: the interval, but at least 1h and at most 24h.
   */
  timeout?: string;
  /**
   * What happens after an outage of the engine: `latest`, the newest missed run happens and the others are recorded as missed (a run that the outage interrupted goes on instead, and the others are skipped); `skip`, none happens, but one that is less than 10 seconds late; `all`, each of the last 7 days happens, one after another, and a run then also waits for its predecessor instead of being skipped.
   */
  missed?: 'latest' | 'skip' | 'all';
  /**
   * A run whose predecessor is still at work is skipped, and recorded as skipped.
   */
  overlap?: 'skip';
  disabled?: Disabled;
  /**
   * Share of the repository that may stay unused.
   */
  maxUnused?: string;
  /**
   * Data of a forgotten snapshot can be recovered until then.
   */
  after?: string;
}
/**
 * Verifies the repository. Runs only when written.
 */
export interface Check {
  /**
   * How often.
   */
  every?: string;
  /**
   * The local time of runs that are days apart, in quotes; it follows the clocks of `timezone`. A time that a change of clocks leaves out is skipped, one that it repeats is due twice. Without it, and without `offset`, the run is spread over the interval by a hash of policy and action, the same always.
   */
  at?: string;
  /**
   * The day of a weekly run; only with `every: 7d` and `at`.
   */
  day?: 'monday' | 'tuesday' | 'wednesday' | 'thursday' | 'friday' | 'saturday' | 'sunday';
  /**
   * How long after each start of the interval (counted from midnight UTC) the run begins.
   */
  offset?: string;
  /**
   * Five fields (minute, hour, day of month, month, day of week), instead of `every`. Values, ranges, lists and steps; months and weekdays also by name; 0 and 7 are Sunday; `5/15` means from 5 on. Not both days restricted.
   */
  cron?: string;
  /**
   * An IANA time zone, in which `at` and `cron` are read. Default: the Project's, else UTC.
   */
  timezone?: string;
  /**
   * A start may be later than its time by up to this, at random, but not as late as the next run.
   */
  jitter?: string;
  /**
   * The longest a run may take, with all its retries. Default: the interval, but at least 1h and at most 24h.
   */
  timeout?: string;
  /**
   * What happens after an outage of the engine: `latest`, the newest missed run happens and the others are recorded as missed (a run that the outage interrupted goes on instead, and the others are skipped); `skip`, none happens, but one that is less than 10 seconds late; `all`, each of the last 7 days happens, one after another, and a run then also waits for its predecessor instead of being skipped.
   */
  missed?: 'latest' | 'skip' | 'all';
  /**
   * A run whose predecessor is still at work is skipped, and recorded as skipped.
   */
  overlap?: 'skip';
  disabled?: Disabled;
  /**
   * Share of the data read in one run; it rotates, so that all data is read in time.
   */
  readData?: string;
}
/**
 * Who may hold a key of the repository.
 */
export interface Keys {
  /**
   * Keys as `user@host`; any other is a finding.
   *
   * Items: Text of one character or more.
   */
  allowed?: string[];
  /**
   * An older key is a finding.
   */
  maxAge?: string;
}
/**
 * What must be protected, and how well.
 */
export interface Policy {
  /**
   * The version of the language.
   */
  apiVersion: 'holdfast/v1';
  /**
   * What this document describes.
   */
  kind: 'Policy';
  metadata: PolicyMetadata;
  spec: PolicySpec;
}
/**
 * Who this policy is.
 */
export interface PolicyMetadata {
  /**
   * The name of the document, unique among those of its kind.
   */
  name: string;
  /**
   * Who answers for it.
   */
  owner?: string;
  /**
   * What it is, in a sentence.
   */
  description?: string;
  labels?: Labels;
  /**
   * Names this policy had before: their snapshots stay its own.
   *
   * Items: Lower-case letters, digits and hyphens, 1 to 63 of them, beginning and ending with a letter or digit.
   */
  formerly?: string[];
}
/**
 * The protection.
 */
export interface PolicySpec {
  /**
   * A class: critical, high, normal, low, or one of the Project's own. It gives every interval and objective that is not written.
   */
  importance?: string;
  objectives?: Objectives;
  requires?: Requirements;
  source: Source;
  hooks?: Hooks;
  /**
   * One-way copies of the files as they are.
   */
  sync?: Sync[];
  /**
   * Snapshots into repositories.
   */
  backup?: Backup[];
  /**
   * This policy's snapshots, from repository to repository. The policy's retention rules the copies, too: what it would forget at once is not copied.
   */
  copy?: Copy[];
  retention?: Retention;
  hold?: Hold;
  restoreTest?: RestoreTest;
  accessCheck?: AccessCheck;
  /**
   * What becomes of the snapshots when this document is removed: they stay, or they go on being forgotten by its retention's rules, counted back from the day, until none is left. What the document said when it was last applied counts.
   */
  onDelete?: 'keep' | 'expire';
  suspend?: Suspension;
}
/**
 * What must be reached. Default: those of the class.
 */
export interface Objectives {
  /**
   * Maximum tolerated age of recoverable data; backups count for it, syncs do not.
   */
  rpo?: string;
  /**
   * Maximum tolerated recovery time.
   */
  rto?: string;
  copies?: Copies;
}
/**
 * The rule 3-2-1-1-0.
 */
export interface Copies {
  /**
   * Copies, the original among them.
   */
  total?: number;
  /**
   * Kinds of medium.
   */
  media?: number;
  /**
   * Copies at another site.
   */
  offsite?: number;
  /**
   * Copies that nobody can change.
   */
  immutable?: number;
}
/**
 * What every provider that holds the data must offer.
 */
export interface Requirements {
  /**
   * Regions in which the data may be.
   *
   * Items: Text of one character or more.
   */
  regions?: string[];
  /**
   * Certificates it must hold.
   *
   * Items: Text of one character or more.
   */
  certificates?: string[];
  /**
   * The longest recovery time it may have agreed to.
   */
  rta?: string;
}
/**
 * What is protected: exactly one of directories, directory, postgres, mysql, sqlite, command and location.
 */
export interface Source {
  /**
   * Only a worker of this host reads the source. Default: any worker.
   */
  host?: string;
  /**
   * Folders, with everything below them.
   *
   * Items: A path; when relative, from the folder of the file that names it.
   */
  directories?: string[];
  /**
   * One folder, with everything below it.
   */
  directory?: string;
  /**
   * Left out, in restic's patterns: without a slash at the start at any depth; a leading / is the file system's root (of a location, that of its server or bucket; where the location's path is relative, /~ stands before it); a leading ./ or ../ is the folder of this file.
   *
   * Items: Text of one character or more.
   */
  exclude?: string[];
  /**
   * Files of such patterns, one a line, read at apply; blank lines and lines that begin with # do not count, $$ is a dollar sign. A leading ./ there is the folder of that file.
   *
   * Items: A path; when relative, from the folder of the file that names it.
   */
  excludeFile?: string[];
  /**
   * Of a folder that holds a file of one of these names only that file is backed up; NAME:HEADER also demands how the file begins.
   *
   * Items: Text of one character or more.
   */
  excludeIfPresent?: string[];
  /**
   * Of folders marked by a CACHEDIR.TAG only that file is backed up.
   */
  excludeCaches?: boolean;
  /**
   * Larger files are left out.
   */
  excludeLargerThan?: string;
  /**
   * Other file systems mounted below are left out.
   */
  oneFileSystem?: boolean;
  offline?: Offline;
  postgres?: PostgreSQLSource;
  mysql?: MySQLSource;
  sqlite?: SQLiteSource;
  /**
   * A program and its arguments; what it prints is protected.
   */
  command?: string[];
  /**
   * A Location as the source of syncs, which read it as its reader. Only a local one can be backed up, too.
   */
  location?: string;
  /**
   * Below that location.
   */
  path?: string;
}
/**
 * A host that sleeps, such as a laptop.
 */
export interface Offline {
  /**
   * Missed runs are findings only after this.
   */
  tolerate: string;
}
/**
 * A database of PostgreSQL.
 */
export interface PostgreSQLSource {
  /**
   * The server.
   */
  host?: string;
  /**
   * Its port.
   */
  port?: number;
  /**
   * The database. Default: all of them.
   */
  database?: string;
  /**
   * The account.
   */
  user?: string;
  passwordFrom?: SecretReference;
}
/**
 * A database of MySQL or MariaDB.
 */
export interface MySQLSource {
  /**
   * The server.
   */
  host?: string;
  /**
   * Its port.
   */
  port?: number;
  /**
   * The database. Default: all of them.
   */
  database?: string;
  /**
   * The account.
   */
  user?: string;
  passwordFrom?: SecretReference;
}
/**
 * A database of SQLite.
 */
export interface SQLiteSource {
  /**
   * The database file.
   */
  path: string;
}
/**
 * Programs around each backup; those after run even when the backup fails.
 */
export interface Hooks {
  /**
   * Before it.
   */
  before?: Hook[];
  /**
   * After it.
   */
  after?: Hook1[];
}
/**
 * A program.
 */
export interface Hook {
  /**
   * A program; its text is read at apply and travels with the action.
   */
  script: string;
  /**
   * The longest it may take.
   */
  timeout?: string;
}
/**
 * A program.
 */
export interface Hook1 {
  /**
   * A program; its text is read at apply and travels with the action.
   */
  script: string;
  /**
   * The longest it may take.
   */
  timeout?: string;
}
/**
 * One sync.
 */
export interface Sync {
  /**
   * The Location.
   */
  to: string;
  /**
   * Below the location. Default: the location itself.
   */
  path?: string;
  /**
   * `mirror` removes what the source no longer has; `copy` never removes.
   */
  mode: 'mirror' | 'copy';
  /**
   * How often. Default: that of the class.
   */
  every?: string;
  /**
   * The local time of runs that are days apart, in quotes; it follows the clocks of `timezone`. A time that a change of clocks leaves out is skipped, one that it repeats is due twice. Without it, and without `offset`, the run is spread over the interval by a hash of policy and action, the same always.
   */
  at?: string;
  /**
   * The day of a weekly run; only with `every: 7d` and `at`.
   */
  day?: 'monday' | 'tuesday' | 'wednesday' | 'thursday' | 'friday' | 'saturday' | 'sunday';
  /**
   * How long after each start of the interval (counted from midnight UTC) the run begins.
   */
  offset?: string;
  /**
   * Five fields (minute, hour, day of month, month, day of week), instead of `every`. Values, ranges, lists and steps; months and weekdays also by name; 0 and 7 are Sunday; `5/15` means from 5 on. Not both days restricted.
   */
  cron?: string;
  /**
   * An IANA time zone, in which `at` and `cron` are read. Default: the Project's, else UTC.
   */
  timezone?: string;
  /**
   * A start may be later than its time by up to this, at random, but not as late as the next run.
   */
  jitter?: string;
  /**
   * The longest a run may take, with all its retries. Default: the interval, but at least 1h and at most 24h.
   */
  timeout?: string;
  /**
   * What happens after an outage of the engine: `latest`, the newest missed run happens and the others are recorded as missed (a run that the outage interrupted goes on instead, and the others are skipped); `skip`, none happens, but one that is less than 10 seconds late; `all`, each of the last 7 days happens, one after another, and a run then also waits for its predecessor instead of being skipped.
   */
  missed?: 'latest' | 'skip' | 'all';
  /**
   * A run whose predecessor is still at work is skipped, and recorded as skipped.
   */
  overlap?: 'skip';
  disabled?: Disabled;
  /**
   * Only what matches one of these patterns.
   *
   * Items: Text of one character or more.
   */
  include?: string[];
  /**
   * Replaced and removed files are kept aside this long, in `.holdfast-versions` of the copy; none: not.
   */
  versions?: string;
  guards?: Guards;
  encrypt?: Encryption;
  /**
   * Compare by content, not by size and time.
   */
  checksum?: boolean;
  verify?: Verification;
}
/**
 * When a run is refused, because it would destroy.
 */
export interface Guards {
  /**
   * An empty source where the target has files.
   */
  emptySource?: 'refuse' | 'allow';
  maxDelete?: DeletionLimit;
}
/**
 * A run that would remove more than the share and more than the number of files is refused.
 */
export interface DeletionLimit {
  /**
   * Share of the files of the target.
   */
  share?: string;
  /**
   * Number of files.
   */
  files?: number;
}
/**
 * The target in rclone's crypt format, which rclone reads. Links are left out. Omitted: as it is.
 */
export interface Encryption {
  passwordFrom: SecretReference;
  saltFrom?: SecretReference;
  /**
   * `standard`: names are encrypted. `plain`: they stay as they are, files with `.bin` at the end. As rclone's `filename_encryption` `standard` and `off`.
   */
  names?: 'standard' | 'obfuscate' | 'plain';
}
/**
 * What is proved at the end of the run.
 */
export interface Verification {
  /**
   * Share of files whose content is read again and compared; the rest by size and time.
   */
  content?: string;
}
/**
 * One backup.
 */
export interface Backup {
  /**
   * The Repository.
   */
  to: string;
  /**
   * How often. Default: that of the class.
   */
  every?: string;
  /**
   * The local time of runs that are days apart, in quotes; it follows the clocks of `timezone`. A time that a change of clocks leaves out is skipped, one that it repeats is due twice. Without it, and without `offset`, the run is spread over the interval by a hash of policy and action, the same always.
   */
  at?: string;
  /**
   * The day of a weekly run; only with `every: 7d` and `at`.
   */
  day?: 'monday' | 'tuesday' | 'wednesday' | 'thursday' | 'friday' | 'saturday' | 'sunday';
  /**
   * How long after each start of the interval (counted from midnight UTC) the run begins.
   */
  offset?: string;
  /**
   * Five fields (minute, hour, day of month, month, day of week), instead of `every`. Values, ranges, lists and steps; months and weekdays also by name; 0 and 7 are Sunday; `5/15` means from 5 on. Not both days restricted.
   */
  cron?: string;
  /**
   * An IANA time zone, in which `at` and `cron` are read. Default: the Project's, else UTC.
   */
  timezone?: string;
  /**
   * A start may be later than its time by up to this, at random, but not as late as the next run.
   */
  jitter?: string;
  /**
   * The longest a run may take, with all its retries. Default: the interval, but at least 1h and at most 24h.
   */
  timeout?: string;
  /**
   * What happens after an outage of the engine: `latest`, the newest missed run happens and the others are recorded as missed (a run that the outage interrupted goes on instead, and the others are skipped); `skip`, none happens, but one that is less than 10 seconds late; `all`, each of the last 7 days happens, one after another, and a run then also waits for its predecessor instead of being skipped.
   */
  missed?: 'latest' | 'skip' | 'all';
  /**
   * A run whose predecessor is still at work is skipped, and recorded as skipped.
   */
  overlap?: 'skip';
  disabled?: Disabled;
  /**
   * Tags besides `holdfast` and `policy=NAME`.
   *
   * Items: A tag, without a comma.
   */
  tags?: string[];
  verify?: Verification;
  retention?: BackupRetention;
}
/**
 * For this repository, instead of the policy's.
 */
export interface BackupRetention {
  /**
   * How often old snapshots are forgotten.
   */
  every?: string;
  /**
   * The local time of runs that are days apart, in quotes; it follows the clocks of `timezone`. A time that a change of clocks leaves out is skipped, one that it repeats is due twice. Without it, and without `offset`, the run is spread over the interval by a hash of policy and action, the same always.
   */
  at?: string;
  /**
   * The day of a weekly run; only with `every: 7d` and `at`.
   */
  day?: 'monday' | 'tuesday' | 'wednesday' | 'thursday' | 'friday' | 'saturday' | 'sunday';
  /**
   * How long after each start of the interval (counted from midnight UTC) the run begins.
   */
  offset?: string;
  /**
   * Five fields (minute, hour, day of month, month, day of week), instead of `every`. Values, ranges, lists and steps; months and weekdays also by name; 0 and 7 are Sunday; `5/15` means from 5 on. Not both days restricted.
   */
  cron?: string;
  /**
   * An IANA time zone, in which `at` and `cron` are read. Default: the Project's, else UTC.
   */
  timezone?: string;
  /**
   * A start may be later than its time by up to this, at random, but not as late as the next run.
   */
  jitter?: string;
  /**
   * The longest a run may take, with all its retries. Default: the interval, but at least 1h and at most 24h.
   */
  timeout?: string;
  /**
   * What happens after an outage of the engine: `latest`, the newest missed run happens and the others are recorded as missed (a run that the outage interrupted goes on instead, and the others are skipped); `skip`, none happens, but one that is less than 10 seconds late; `all`, each of the last 7 days happens, one after another, and a run then also waits for its predecessor instead of being skipped.
   */
  missed?: 'latest' | 'skip' | 'all';
  /**
   * A run whose predecessor is still at work is skipped, and recorded as skipped.
   */
  overlap?: 'skip';
  disabled?: Disabled;
  /**
   * Which snapshots stay: restic's rules, or the word class for the rules of the importance class. Rules given here replace those of the class whole.
   */
  keep?: 'class' | KeepRules;
  /**
   * So many of the newest snapshots that a restore test has proved are never forgotten.
   */
  proven?: number;
  /**
   * More than this share of the snapshots in one run waits for an approver.
   */
  maxForget?: string;
  /**
   * Nothing older stays, for data that must go.
   */
  maxAge?: string;
}
/**
 * One copy.
 */
export interface Copy {
  /**
   * The Repository read.
   */
  from: string;
  /**
   * The Repository written.
   */
  to: string;
  /**
   * How often. Default: that of the class's backup.
   */
  every?: string;
  /**
   * The local time of runs that are days apart, in quotes; it follows the clocks of `timezone`. A time that a change of clocks leaves out is skipped, one that it repeats is due twice. Without it, and without `offset`, the run is spread over the interval by a hash of policy and action, the same always.
   */
  at?: string;
  /**
   * The day of a weekly run; only with `every: 7d` and `at`.
   */
  day?: 'monday' | 'tuesday' | 'wednesday' | 'thursday' | 'friday' | 'saturday' | 'sunday';
  /**
   * How long after each start of the interval (counted from midnight UTC) the run begins.
   */
  offset?: string;
  /**
   * Five fields (minute, hour, day of month, month, day of week), instead of `every`. Values, ranges, lists and steps; months and weekdays also by name; 0 and 7 are Sunday; `5/15` means from 5 on. Not both days restricted.
   */
  cron?: string;
  /**
   * An IANA time zone, in which `at` and `cron` are read. Default: the Project's, else UTC.
   */
  timezone?: string;
  /**
   * A start may be later than its time by up to this, at random, but not as late as the next run.
   */
  jitter?: string;
  /**
   * The longest a run may take, with all its retries. Default: the interval, but at least 1h and at most 24h.
   */
  timeout?: string;
  /**
   * What happens after an outage of the engine: `latest`, the newest missed run happens and the others are recorded as missed (a run that the outage interrupted goes on instead, and the others are skipped); `skip`, none happens, but one that is less than 10 seconds late; `all`, each of the last 7 days happens, one after another, and a run then also waits for its predecessor instead of being skipped.
   */
  missed?: 'latest' | 'skip' | 'all';
  /**
   * A run whose predecessor is still at work is skipped, and recorded as skipped.
   */
  overlap?: 'skip';
  disabled?: Disabled;
}
/**
 * Which snapshots stay. Nothing is ever forgotten without this block.
 */
export interface Retention {
  /**
   * How often old snapshots are forgotten.
   */
  every?: string;
  /**
   * The local time of runs that are days apart, in quotes; it follows the clocks of `timezone`. A time that a change of clocks leaves out is skipped, one that it repeats is due twice. Without it, and without `offset`, the run is spread over the interval by a hash of policy and action, the same always.
   */
  at?: string;
  /**
   * The day of a weekly run; only with `every: 7d` and `at`.
   */
  day?: 'monday' | 'tuesday' | 'wednesday' | 'thursday' | 'friday' | 'saturday' | 'sunday';
  /**
   * How long after each start of the interval (counted from midnight UTC) the run begins.
   */
  offset?: string;
  /**
   * Five fields (minute, hour, day of month, month, day of week), instead of `every`. Values, ranges, lists and steps; months and weekdays also by name; 0 and 7 are Sunday; `5/15` means from 5 on. Not both days restricted.
   */
  cron?: string;
  /**
   * An IANA time zone, in which `at` and `cron` are read. Default: the Project's, else UTC.
   */
  timezone?: string;
  /**
   * A start may be later than its time by up to this, at random, but not as late as the next run.
   */
  jitter?: string;
  /**
   * The longest a run may take, with all its retries. Default: the interval, but at least 1h and at most 24h.
   */
  timeout?: string;
  /**
   * What happens after an outage of the engine: `latest`, the newest missed run happens and the others are recorded as missed (a run that the outage interrupted goes on instead, and the others are skipped); `skip`, none happens, but one that is less than 10 seconds late; `all`, each of the last 7 days happens, one after another, and a run then also waits for its predecessor instead of being skipped.
   */
  missed?: 'latest' | 'skip' | 'all';
  /**
   * A run whose predecessor is still at work is skipped, and recorded as skipped.
   */
  overlap?: 'skip';
  disabled?: Disabled;
  /**
   * Which snapshots stay: restic's rules, or the word class for the rules of the importance class. Rules given here replace those of the class whole.
   */
  keep?: 'class' | KeepRules;
  /**
   * So many of the newest snapshots that a restore test has proved are never forgotten.
   */
  proven?: number;
  /**
   * More than this share of the snapshots in one run waits for an approver.
   */
  maxForget?: string;
  /**
   * Nothing older stays, for data that must go.
   */
  maxAge?: string;
}
/**
 * Nothing is forgotten before the day.
 */
export interface Hold {
  /**
   * The day.
   */
  until: string;
  /**
   * Why.
   */
  reason: string;
  /**
   * Who ordered it.
   */
  by: string;
}
/**
 * Proof by restoring. With a backup it runs by class, written or not.
 */
export interface RestoreTest {
  /**
   * How often. Default: that of the class.
   */
  every?: string;
  /**
   * The local time of runs that are days apart, in quotes; it follows the clocks of `timezone`. A time that a change of clocks leaves out is skipped, one that it repeats is due twice. Without it, and without `offset`, the run is spread over the interval by a hash of policy and action, the same always.
   */
  at?: string;
  /**
   * The day of a weekly run; only with `every: 7d` and `at`.
   */
  day?: 'monday' | 'tuesday' | 'wednesday' | 'thursday' | 'friday' | 'saturday' | 'sunday';
  /**
   * How long after each start of the interval (counted from midnight UTC) the run begins.
   */
  offset?: string;
  /**
   * Five fields (minute, hour, day of month, month, day of week), instead of `every`. Values, ranges, lists and steps; months and weekdays also by name; 0 and 7 are Sunday; `5/15` means from 5 on. Not both days restricted.
   */
  cron?: string;
  /**
   * An IANA time zone, in which `at` and `cron` are read. Default: the Project's, else UTC.
   */
  timezone?: string;
  /**
   * A start may be later than its time by up to this, at random, but not as late as the next run.
   */
  jitter?: string;
  /**
   * The longest a run may take, with all its retries. Default: the interval, but at least 1h and at most 24h.
   */
  timeout?: string;
  /**
   * What happens after an outage of the engine: `latest`, the newest missed run happens and the others are recorded as missed (a run that the outage interrupted goes on instead, and the others are skipped); `skip`, none happens, but one that is less than 10 seconds late; `all`, each of the last 7 days happens, one after another, and a run then also waits for its predecessor instead of being skipped.
   */
  missed?: 'latest' | 'skip' | 'all';
  /**
   * A run whose predecessor is still at work is skipped, and recorded as skipped.
   */
  overlap?: 'skip';
  disabled?: Disabled;
  /**
   * A Repository, or any: each in turn.
   */
  from?: string;
  /**
   * `mixed`: each fourth test takes an older one.
   */
  snapshot?: 'latest' | 'random' | 'mixed';
  sample?: Sample;
  /**
   * Only a worker of this host runs it. Default: any.
   */
  runOn?: string;
  scratch?: Scratch;
  full?: FullRestoreTest;
  /**
   * What must hold of the restored files; paths are relative to the source directory.
   */
  assert?: Assertion[];
}
/**
 * Which files: exactly one of coverWithin, files and all; it rotates, so that every file is tested in the end.
 */
export interface Sample {
  /**
   * So many that every file is tested within this time.
   */
  coverWithin?: string;
  /**
   * This number of files.
   */
  files?: number;
  /**
   * All files.
   */
  all?: true;
}
/**
 * Where files are restored to, for the time of the test.
 */
export interface Scratch {
  /**
   * The folder. Default: the worker's temporary folder.
   */
  path?: string;
  /**
   * The most it may take.
   */
  max?: string;
}
/**
 * All files are restored.
 */
export interface FullRestoreTest {
  /**
   * How often.
   */
  every: string;
}
/**
 * One assertion: exactly one of exists, file, sql and script.
 */
export interface Assertion {
  /**
   * This exists.
   */
  exists?: string;
  /**
   * This file is large enough and new enough.
   */
  file?: string;
  /**
   * The least size of the file.
   */
  minSize?: string;
  /**
   * The file changed at most this long before the snapshot.
   */
  newerThan?: string;
  /**
   * A query whose first value is compared.
   */
  sql?: string;
  /**
   * The least value of the query.
   */
  min?: number;
  /**
   * A program, run in the restored folder; it must exit 0.
   */
  script?: string;
  /**
   * The longest the program may take.
   */
  timeout?: string;
}
/**
 * Compares who has access with who should. With a backup it runs by class, written or not.
 */
export interface AccessCheck {
  /**
   * How often. Default: that of the class.
   */
  every?: string;
  /**
   * The local time of runs that are days apart, in quotes; it follows the clocks of `timezone`. A time that a change of clocks leaves out is skipped, one that it repeats is due twice. Without it, and without `offset`, the run is spread over the interval by a hash of policy and action, the same always.
   */
  at?: string;
  /**
   * The day of a weekly run; only with `every: 7d` and `at`.
   */
  day?: 'monday' | 'tuesday' | 'wednesday' | 'thursday' | 'friday' | 'saturday' | 'sunday';
  /**
   * How long after each start of the interval (counted from midnight UTC) the run begins.
   */
  offset?: string;
  /**
   * Five fields (minute, hour, day of month, month, day of week), instead of `every`. Values, ranges, lists and steps; months and weekdays also by name; 0 and 7 are Sunday; `5/15` means from 5 on. Not both days restricted.
   */
  cron?: string;
  /**
   * An IANA time zone, in which `at` and `cron` are read. Default: the Project's, else UTC.
   */
  timezone?: string;
  /**
   * A start may be later than its time by up to this, at random, but not as late as the next run.
   */
  jitter?: string;
  /**
   * The longest a run may take, with all its retries. Default: the interval, but at least 1h and at most 24h.
   */
  timeout?: string;
  /**
   * What happens after an outage of the engine: `latest`, the newest missed run happens and the others are recorded as missed (a run that the outage interrupted goes on instead, and the others are skipped); `skip`, none happens, but one that is less than 10 seconds late; `all`, each of the last 7 days happens, one after another, and a run then also waits for its predecessor instead of being skipped.
   */
  missed?: 'latest' | 'skip' | 'all';
  /**
   * A run whose predecessor is still at work is skipped, and recorded as skipped.
   */
  overlap?: 'skip';
  disabled?: Disabled;
}
/**
 * Nothing runs; recorded as suspended, not as missed.
 */
export interface Suspension {
  /**
   * Why.
   */
  reason: string;
  /**
   * The day on which it runs again. Default: until this block is removed.
   */
  until?: string;
}
/**
 * Many policies alike: one for each entry, named NAME-KEY.
 */
export interface PolicySet {
  /**
   * The version of the language.
   */
  apiVersion: 'holdfast/v1';
  /**
   * What this document describes.
   */
  kind: 'PolicySet';
  metadata: Metadata;
  spec: PolicySetSpec;
}
/**
 * The entries and the template.
 */
export interface PolicySetSpec {
  /**
   * The entries: a key, and the values that the template takes from it.
   */
  each: {
    /**
     * The values of one entry.
     */
    [k: string]: {
      /**
       * A value for the template.
       */
      [k: string]: string | number | boolean | (string | number | boolean)[];
    };
  };
  template: PolicyTemplate;
}
/**
 * A Policy, in which ${key} stands for the entry's key and ${NAME} for one of its values, which every entry must have; $${ is a ${ that stands for nothing. A placeholder that is a whole text takes the value with its type: a number, a list.
 */
export interface PolicyTemplate {
  /**
   * Its metadata, without the name.
   */
  metadata?: {
    [k: string]: unknown;
  };
  /**
   * Its spec.
   */
  spec: {
    [k: string]: unknown;
  };
}
