import { BaseSequencer, type TestSpecification } from "vitest/node"

// Each takes a minute or so of one core: one that begins last keeps the other core waiting for it.
const long = [
  "libs/warehouse/src/buildPass.test.ts",
  "libs/warehouse/src/publishing.test.ts",
  "e2e/kill.test.ts",
  "libs/warehouse/src/weeksOfHours.test.ts",
  "libs/warehouse/src/ledger.test.ts",
  "apps/musify/src/audit/audit.test.ts",
  "e2e/damage.test.ts",
  "apps/musify/src/audit/auditLake.test.ts"
]

/** Vitest's order, with the files that take longest at its beginning: what is short fills up the end. */
export class LongFilesFirst extends BaseSequencer {
  override async sort(files: Array<TestSpecification>): Promise<Array<TestSpecification>> {
    const rank = ({ moduleId }: TestSpecification) => {
      const at = long.findIndex((name) => moduleId.endsWith(name))
      return at === -1 ? long.length : at
    }
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b))
  }
}
