/** What a bucket does with objects by itself: deletes them, moves them, keeps them from being deleted. */

/** Of objects whose keys begin so; `when` in words: `after 30 days`. */
export interface BucketRule {
  name: string;
  prefix: string;
  when: string;
}

export interface BucketRules {
  /** Delete the objects themselves, not only versions that were replaced. */
  deletes: BucketRule[];
  /** Move them where they cannot be read at once. */
  archives: (BucketRule & { storageClass: string })[];
  /** New objects are locked for so long. */
  lock?: {
    seconds: number;
    mode: string;
    /** A deletion is refused; else only the versions behind it stay. */
    refusesDeletion: boolean;
  };
}
