import { afterAll, beforeAll, it } from "vitest"
import { models } from "../models/models.ts"
import { guideQueries } from "../testing/guideQueries.ts"
import { GoogleSqlAnalyzer } from "./testing/GoogleSqlAnalyzer.ts"
import { ScriptChecker } from "./testing/ScriptChecker.ts"

let analyzer: GoogleSqlAnalyzer
let checker: ScriptChecker

beforeAll(async () => {
  analyzer = await GoogleSqlAnalyzer.start()
  checker = new ScriptChecker(analyzer)
  checker.declare("project.musify", models)
  for (const view of ["wide_streams", "level_changes"]) checker.bound(view, "ts")
})
afterAll(() => analyzer.stop())

it.each(guideQueries())(
  "of the analyst's guide, GoogleSQL that bounds its scans: %s",
  async (_question, text) => {
    await checker.check([text])
  }
)
