/** The starter policy folder that `holdfast init` writes: valid as it is, and made to be changed. */

/** File names and contents. `project` is the relative path from the policy folder to the folder that is protected. */
export function starterFiles(project: string): Record<string, string> {
  // Editors read this line of each document by itself.
  const schema = `# yaml-language-server: $schema=${project}/node_modules/holdfast/schemas/holdfast.schema.json\n`;
  return {
    'vault.yaml': `${schema}# Where backups go. For anything that matters: another disk, another machine, another site.
apiVersion: holdfast/v1
kind: Location
metadata: { name: vault }
spec:
  local: { path: ${project}/.holdfast/vault } # relative to this file, or absolute
---
${schema}# An encrypted repository in restic's format. Its password is never written here, only where it is found.
apiVersion: holdfast/v1
kind: Repository
metadata: { name: vault }
spec:
  location: vault
  path: repository
  passwordFrom: { file: ${project}/.holdfast/vault.password }
  prune: { every: 7d }
  check: { every: 7d, readData: 10% }
`,
    'project-files.yaml': `${schema}# What is protected, and how well. holdfast schema policy.spec explains all there is.
apiVersion: holdfast/v1
kind: Policy
metadata:
  name: project-files
  owner: me
spec:
  importance: normal # critical, high, normal or low: how often, and how long everything may take
  source:
    directory: ${project}
    exclude:
      - ${project}/.holdfast # the backups themselves
      - node_modules # at any depth
  backup:
    - to: vault
  retention: # without this block nothing is ever forgotten
    keep: class # 7 daily, 4 weekly, 6 monthly
`,
  };
}
