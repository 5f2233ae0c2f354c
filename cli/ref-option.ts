/** The option of commands that read policies from a commit. */

export const REF_OPTION =
  'read the policies, and the files that they name, from this commit, tag or branch; the work tree is not touched';
