/**
 * One tooltip for all marks: an element with `data-tip` (lines parted by newlines) shows it under the pointer or when
 * focused. It stays when the chart under the pointer is drawn anew.
 */
export const installTooltip = (): void => {
  const tip = document.createElement("div")
  tip.className = "tip"
  tip.setAttribute("aria-hidden", "true")
  tip.hidden = true
  document.body.append(tip)
  let at = { x: 0, y: 0 }

  const show = (target: Element | null) => {
    const text = target?.closest("[data-tip]")?.getAttribute("data-tip")
    if (text === undefined || text === null) {
      tip.hidden = true
      return
    }
    const [head, ...rest] = text.split("\n")
    const title = document.createElement("strong")
    title.textContent = head
    tip.replaceChildren(
      title,
      ...rest.map((line) => {
        const row = document.createElement("span")
        row.textContent = line
        return row
      })
    )
    tip.hidden = false
    const { width, height } = tip.getBoundingClientRect()
    const left = Math.min(Math.max(8, at.x + 14), innerWidth - width - 8)
    const top = at.y + 18 + height > innerHeight ? at.y - height - 12 : at.y + 18
    tip.style.transform = `translate(${Math.round(left)}px, ${Math.round(Math.max(8, top))}px)`
  }
  const follow = (event: PointerEvent) => {
    at = { x: event.clientX, y: event.clientY }
    show(event.target as Element)
  }
  addEventListener("pointermove", follow)
  addEventListener("pointerdown", follow)
  addEventListener("scroll", () => show(null), { passive: true })
  document.addEventListener("pointerleave", () => show(null))
  addEventListener("focusin", (event) => {
    const target = event.target as Element
    if (target.closest("[data-tip]") === null || !target.matches(":focus-visible")) return
    const box = target.getBoundingClientRect()
    at = { x: box.left + box.width / 2, y: box.bottom - 12 }
    show(target)
  })
  addEventListener("focusout", () => show(null))
  new MutationObserver(() => {
    if (!tip.hidden) show(document.elementFromPoint(at.x, at.y))
  }).observe(document.getElementById("page") as Element, { childList: true, subtree: true })
}
