import { AxeBuilder } from "@axe-core/playwright"
import { hourMs } from "@musify/domain/Hour.ts"
import type { Browser, BrowserContext, Page } from "playwright-core"
import process from "node:process"
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest"
import type { Answer, StateRow, SummaryRow } from "../src/api/answers.ts"
import { publishFixture } from "../src/testing/publishFixture.ts"
import { startServing } from "../src/testing/serving.ts"
import type { Serving } from "../src/testing/serving.ts"
import { chromiumPath, launch } from "./browser.ts"

if (chromiumPath === undefined) {
  // Where everything must hold, a test that did not run is no test that passed.
  if (process.env.CI === "true") throw new Error("There is no Chromium on this machine.")
  process.stdout.write(
    "Browser tests are skipped: there is no Chromium on this machine (apt-get install chromium).\n"
  )
}

const firstHour = Math.floor(Date.parse("2026-11-09T00:00Z") / hourMs)
const fixture = {
  firstHour,
  hours: 14 * 24 + 17,
  users: 2000,
  songs: 300,
  playsPerHour: 1500,
  lastHourMinutes: 42,
  lateHours: [firstHour + 14 * 24 + 9, firstHour + 14 * 24 + 10]
}

describe.skipIf(chromiumPath === undefined)("the page in Chromium", { timeout: 240_000 }, () => {
  let serving: Serving
  let browser: Browser
  let context: BrowserContext
  let page: Page
  let requested: Array<string> = []
  let complaints: Array<string> = []

  const open = async (
    query: string,
    viewport = { width: 1280, height: 900 },
    colorScheme: "dark" | "light" = "dark"
  ) => {
    requested = []
    complaints = []
    context = await browser.newContext({ viewport, colorScheme })
    // Of anything that is waited for: never a matter of how fast the machine is.
    context.setDefaultTimeout(120_000)
    page = await context.newPage()
    page.on("request", (request) => requested.push(request.url()))
    page.on("pageerror", (error) => complaints.push(error.message))
    page.on("console", (message) => {
      if (message.type() === "error") complaints.push(message.text())
    })
    await page.goto(`${serving.url}/${query}`)
    await page.locator('[data-chart="states"] path[data-state="CA"]').waitFor()
    await page.locator('[data-chart="top-songs"]').locator("tbody tr, .message").first().waitFor()
    await settled()
  }
  const settled = () =>
    page.waitForFunction(() => document.querySelector(".fading, .skeleton, [aria-busy=true]") === null)
  const api = async <R>(chart: string, query: string) =>
    (await (await fetch(`${serving.url}/api/${chart}?${query}`)).json()) as Answer<R>
  const figure = async (measure: string) =>
    Number(
      (await page.locator(`[data-measure="${measure}"] .figure`).getAttribute("title"))?.replaceAll(",", "")
    )
  const tilesEqual = async (query: string) => {
    const total = (await api<SummaryRow>("summary", query)).rows[0]
    expect(await figure("listeners")).toBe(total.listeners)
    expect(await figure("plays")).toBe(total.plays)
    expect(await figure("paidListeners")).toBe(total.paidListeners)
    expect(await figure("newListeners")).toBe(total.newListeners)
    return total
  }
  const overflow = () =>
    page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)

  beforeAll(async () => {
    serving = await startServing()
    await publishFixture(serving.published, "v1", fixture)
    browser = await launch(chromiumPath as string)
  })
  afterAll(async () => {
    await browser.close()
    await serving.stop()
  })
  afterEach(async () => {
    expect(complaints).toEqual([])
    expect(requested.filter((url) => !url.startsWith(serving.url) && !url.startsWith("blob:"))).toEqual([])
    await context.close()
  })

  test("shows the API's numbers", async () => {
    await open("")
    await tilesEqual("range=7d")
    const songs = await api<{ title: string; plays: number }>("top-songs", "range=7d")
    const shown = page.locator('[data-chart="top-songs"] tbody tr')
    expect(await shown.count()).toBe(10)
    expect(await shown.first().innerText()).toContain(songs.rows[0].title)
    expect(await shown.first().innerText()).toContain(songs.rows[0].plays.toLocaleString("en-US"))
    const california = (await api<StateRow>("states", "range=7d")).rows.find((row) => row.state === "CA")
    const tip = await page.locator('path[data-state="CA"]').getAttribute("data-tip")
    expect(tip).toContain(`${california?.listeners.toLocaleString("en-US")} listeners`)
    // The day is there as soon as the server's clock has reached the page.
    expect(await page.locator(".freshness").innerText()).toMatch(
      /data through (23 Nov )?16:41 UTC · 2 late hours rebuilt (23 Nov )?16:42 · audits 41\/41 passed/
    )
    expect(await page.locator("#hatch").count()).toBe(1)
  })

  test("a click on a state filters, is in the URL, and the back button undoes it", async () => {
    await open("?range=today")
    const all = await tilesEqual("range=today")
    await page.locator('path[data-state="CA"]').click()
    await page.locator(".chip", { hasText: "California" }).waitFor()
    await settled()
    expect(new URL(page.url()).search).toBe("?range=today&state=CA")
    const some = await tilesEqual("range=today&state=CA")
    expect(some.plays).toBeLessThan(all.plays)
    await page.goBack()
    await page.locator(".chip").waitFor({ state: "detached" })
    await settled()
    expect(new URL(page.url()).search).toBe("?range=today")
    await tilesEqual("range=today")
  })

  test("a territory beside the map filters too", async () => {
    await open("")
    await page.locator(".off-map button", { hasText: "Puerto Rico" }).click()
    await page.locator(".chip", { hasText: "Puerto Rico" }).waitFor()
    await settled()
    await tilesEqual("range=7d&state=PR")
  })

  test("works by keyboard", async () => {
    await open("")
    await page.keyboard.press("d")
    await page.waitForURL(/range=today/)
    await page.keyboard.press("m")
    await page.waitForURL(/range=30d/)
    await page.keyboard.press("/")
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("state-filter")
    await page.locator("#state-filter").selectOption("TX")
    await page.waitForURL(/state=TX/)
    await page.keyboard.press("Escape")
    await page.waitForURL((url) => !url.search.includes("state"))
    await page.locator("#state-filter").blur()
    await page.keyboard.press("?")
    await page.locator("dialog[open]", { hasText: "Keys" }).waitFor()
    await page.keyboard.press("Escape")
    await page.locator("dialog[open]").waitFor({ state: "detached" })
  })

  test("a custom range is in the URL and shows its numbers", async () => {
    await open("")
    await page.locator(".custom summary").click()
    await page.locator('input[name="from"]').fill("2026-11-12")
    await page.locator('input[name="to"]').fill("2026-11-13")
    await page.locator(".custom form button").click()
    await page.waitForURL(/from=2026-11-12&to=2026-11-13/)
    await page.locator(".period", { hasText: "12 Nov – 13 Nov" }).waitFor()
    await settled()
    await tilesEqual("from=2026-11-12&to=2026-11-13")
  })

  test("each chart gives its table, its SQL and a CSV", async () => {
    await open("")
    const panel = page.locator('[data-chart="top-artists"]')
    await panel.locator("summary").click()
    await panel.getByRole("button", { name: "Table" }).click()
    expect(await page.locator("dialog tbody tr").count()).toBe(10)
    await page.keyboard.press("Escape")
    await panel.locator("summary").click()
    await panel.getByRole("button", { name: "SQL" }).click()
    expect(await page.locator("dialog pre").innerText()).toContain("FROM mart_songs")
    await page.keyboard.press("Escape")
    await panel.locator("summary").click()
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      panel.getByRole("button", { name: "CSV" }).click()
    ])
    expect(download.suggestedFilename()).toBe("musify-top-artists.csv")
  })

  test.each([
    ["dark", 1280],
    ["light", 1280],
    ["dark", 390],
    ["light", 390]
  ] as const)("%s at %i px: nothing scrolls sideways, axe finds nothing", async (scheme, width) => {
    await open("?range=all&state=CA&map=plays", { width, height: 844 }, scheme)
    expect(await overflow()).toBeLessThanOrEqual(0)
    const { violations } = await new AxeBuilder({ page }).analyze()
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" ")}`)).toEqual(
      []
    )
  })

  test("the colours can be switched and stay so", async () => {
    await open("", undefined, "dark")
    const ground = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor)
    const dark = await ground()
    await page.keyboard.press("t")
    await page.waitForFunction(() => document.documentElement.dataset.theme === "light")
    expect(await ground()).not.toBe(dark)
    await page.reload()
    await page.waitForFunction(() => document.documentElement.dataset.theme === "light")
  })

  test("a period or state without plays says so", async () => {
    await open("?state=AE")
    expect(await page.locator('[data-chart="top-songs"] .message').innerText()).toContain(
      "No plays in Armed Forces"
    )
  })

  test("the docs are there, without a request to another host", async () => {
    await open("")
    await page.goto(`${serving.url}/docs`)
    await page.getByRole("heading", { name: "Chart Busters" }).waitFor()
    const { violations } = await new AxeBuilder({ page }).analyze()
    expect(violations.map(({ id }) => id)).toEqual([])
  })

  test("a new version appears in place, and the page goes on all through the publish", async () => {
    await open("?range=all")
    const before = await figure("plays")
    await page.evaluate(() => Object.assign(window, { mark: document.querySelector(".figure") }))
    await publishFixture(serving.published, "v2", {
      ...fixture,
      hours: fixture.hours + 6,
      lastHourMinutes: 60
    })
    await page.waitForFunction(
      (old) => document.querySelector('[data-measure="plays"] .figure')?.getAttribute("title") !== old,
      before.toLocaleString("en-US"),
      { timeout: 120_000 }
    )
    await page.locator(".freshness", { hasText: "22:59" }).waitFor()
    await settled()
    await tilesEqual("range=all")
    expect(await page.evaluate(() => (window as unknown as { mark: Element }).mark.isConnected)).toBe(true)
  })
})
