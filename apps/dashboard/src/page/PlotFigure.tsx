import { plot } from "@observablehq/plot"
import type { PlotOptions } from "@observablehq/plot"
import { useLayoutEffect, useRef, useState } from "preact/hooks"

export interface PlotFigureProps {
  /** The chart for a width in px. */
  readonly options: (width: number) => PlotOptions
  /** Redraws when one of these changes. */
  readonly on: ReadonlyArray<unknown>
  /** What the chart says, for those who cannot see it. */
  readonly label: string
  readonly height: number
  /** Called with the drawing before it is shown: tooltips, clicks. */
  readonly dress?: (svg: Element) => void
}

/** Calls `f` with each mark of a Plot layer and the index of its datum. */
export const eachMark = (svg: Element, layer: string, f: (mark: Element, index: number) => void): void => {
  for (const mark of svg.querySelectorAll(`[aria-label="${layer}"] > *`)) {
    f(mark, (mark as unknown as { readonly __data__: number }).__data__)
  }
}

/** A chart by Observable Plot that fills the width it has and is redrawn in place. */
export const PlotFigure = ({ options, on, label, height, dress }: PlotFigureProps) => {
  const frame = useRef<HTMLDivElement>(null)
  const [width, setWidth] = useState(0)
  useLayoutEffect(() => {
    const element = frame.current as HTMLDivElement
    const observer = new ResizeObserver(() => setWidth(Math.floor(element.clientWidth)))
    observer.observe(element)
    setWidth(Math.floor(element.clientWidth))
    return () => observer.disconnect()
  }, [])
  useLayoutEffect(() => {
    if (width === 0) return
    const drawing = plot({ ...options(width), width })
    // Plot brings a <style> of its own, which the content security policy does not allow; style.css has what it says.
    for (const style of drawing.querySelectorAll("style")) style.remove()
    const svg = drawing.tagName.toLowerCase() === "svg" ? drawing : (drawing.querySelector("svg") as Element)
    svg.setAttribute("role", "img")
    svg.setAttribute("aria-label", label)
    dress?.(svg)
    for (const part of svg.querySelectorAll("[aria-label]")) part.removeAttribute("aria-label")
    ;(frame.current as HTMLDivElement).replaceChildren(drawing)
  }, [width, label, ...on])
  return <div class="plot" ref={frame} style={{ minHeight: `${height}px` }} />
}
