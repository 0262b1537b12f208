// Takes a picture of a running dashboard: node tools/run.mjs apps/dashboard/tools/screenshot.ts URL FILE [dark|light] [width]
import process from "node:process"
import { chromiumPath, launch } from "../browser/browser.ts"

const [url = "http://127.0.0.1:4300/", file = "docs/images/dashboard.png", scheme = "dark", width = "1280"] =
  process.argv.slice(2)
if (chromiumPath === undefined) {
  process.stderr.write(
    "There is no Chromium on this machine: install it (apt-get install chromium), or name it in CHROMIUM.\n"
  )
  process.exit(3)
}
const browser = await launch(chromiumPath)
try {
  const page = await browser.newPage({
    viewport: { width: Number(width), height: 860 },
    deviceScaleFactor: 1.5,
    colorScheme: scheme === "light" ? "light" : "dark"
  })
  await page.goto(url)
  await page.locator('[data-chart="states"] path[data-state]').first().waitFor()
  await page.waitForFunction(() => document.querySelector(".fading, .skeleton, [aria-busy=true]") === null)
  // The live rate is known from the second message on.
  await page.waitForTimeout(2_500)
  await page.screenshot({ path: file, fullPage: true })
  process.stdout.write(`${file}\n`)
} finally {
  await browser.close()
}
