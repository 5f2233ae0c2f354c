/** The workflow file that `holdfast init --ci github` writes: policies are checked and planned in a pull request, and applied when it is merged. */

/** Where GitHub looks for it, from the repository's root. */
export const WORKFLOW_PATH = '.github/workflows/holdfast.yml';

/**
 * @param policies The folder of policies, from the repository's root.
 * @see https://docs.github.com/actions/writing-workflows/workflow-syntax-for-github-actions
 */
export function workflowFile(policies: string): string {
  const folder = shellWord(policies);
  return `# Policies are checked and planned in each pull request, and applied when it is merged.
# plan and apply talk to the engine of the Project: give the Project an engine.address that this runner reaches (or a
# runner that reaches it, with runs-on), and pass the variables that its apiKeyFrom and tls name under env.
name: holdfast

on:
  pull_request:
    paths: [${JSON.stringify(`${policies}/**`)}, .github/workflows/holdfast.yml]
  push:
    branches: [main]
    paths: [${JSON.stringify(`${policies}/**`)}]
  workflow_dispatch:
    inputs:
      allow-weaker:
        description: Apply also what protects less than what is in force
        type: boolean
        default: false

permissions:
  contents: read

jobs:
  plan:
    if: github.event_name == 'pull_request'
    runs-on: ubuntu-latest
    permissions:
      contents: read
      security-events: write
    steps:
      - uses: actions/checkout@v4
        with:
          fetch-depth: 0 # records name the commit that last touched the policies
      - uses: actions/setup-node@v4
        with: { node-version: 24, cache: npm }
      - run: npm ci
      - name: Validate
        run: npx holdfast validate --format github ${folder}
      - name: Findings for code scanning
        if: always()
        run: npx holdfast validate --format sarif ${folder} > holdfast.sarif || true
      - uses: github/codeql-action/upload-sarif@v3
        if: always()
        with: { sarif_file: holdfast.sarif, category: holdfast }
      - name: Plan
        run: |
          set -o pipefail
          npx holdfast plan --no-color ${folder} 2>&1 | tee plan.txt
          { echo '\`\`\`'; cat plan.txt; echo '\`\`\`'; } >> "$GITHUB_STEP_SUMMARY"

  apply:
    if: github.event_name != 'pull_request'
    runs-on: ubuntu-latest
    # One after another, and never ended half-way: what is applied last is what was merged last.
    concurrency: { group: holdfast-apply, cancel-in-progress: false }
    steps:
      - uses: actions/checkout@v4
        with:
          fetch-depth: 0
      - uses: actions/setup-node@v4
        with: { node-version: 24, cache: npm }
      - run: npm ci
      # Refused with exit 8 when it protects less than what is in force: start this workflow by hand then, with allow-weaker.
      - name: Apply
        env:
          ALLOW_WEAKER: \${{ inputs.allow-weaker && '--allow-weaker' || '' }}
        run: npx holdfast apply --yes $ALLOW_WEAKER ${folder}
`;
}

/** As one word of a POSIX shell. */
function shellWord(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
