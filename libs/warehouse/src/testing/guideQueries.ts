import fs from "node:fs"

const guide = new URL("../../../../docs/analysts-guide.md", import.meta.url)

/** The queries of docs/analysts-guide.md by their headings. */
export const guideQueries = (): ReadonlyArray<readonly [question: string, query: string]> =>
  [...fs.readFileSync(guide, "utf8").matchAll(/^### (\d+\. .*)$[^]*?```sql\n([^]*?)\n```/gm)].map(
    ([, question, query]) => [question, query] as const
  )
