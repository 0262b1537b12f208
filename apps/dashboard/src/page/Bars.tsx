import { compact } from "./format.ts"

/** `12.5 %` of all; a dash of nothing. */
export const share = (part: number, all: number): string =>
  all === 0 ? "–" : `${((100 * part) / all).toFixed(part === all ? 0 : 1)} %`

export interface BarProps {
  readonly name: string
  readonly color: string
  readonly value: number
  /** What its share is of. */
  readonly all: number
  /** The value whose bar is full. */
  readonly top: number
  readonly tip: string
}

/** A name, a bar, its number and its share: a line of a list. */
export const Bar = ({ name, color, value, all, top, tip }: BarProps) => (
  <li class="hbar" data-tip={tip}>
    <span class="hbar-name">{name}</span>
    <span class="hbar-track" aria-hidden="true">
      <span style={{ width: `${(100 * value) / Math.max(1, top)}%`, background: color }} />
    </span>
    <span class="number hbar-value">{compact(value)}</span>
    <span class="number quiet hbar-share">{share(value, all)}</span>
  </li>
)
