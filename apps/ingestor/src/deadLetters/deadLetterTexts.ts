import type { DeadLetterGroup } from "./listDeadLetters.ts"
import type { ReplaySummary } from "./replayDeadLetters.ts"
import type { Shown, ShownDeadLetter } from "./showDeadLetter.ts"

/** Text for a terminal: what would steer it is shown, not done. */
const safe = (text: string): string =>
  text.replace(
    // eslint-disable-next-line no-control-regex
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`
  )

const shownText = (shown: Shown): string =>
  shown === null ? "none" : "text" in shown ? safe(shown.text) : `0x${shown.hex}`

export const groupsText = (groups: ReadonlyArray<DeadLetterGroup>): string => {
  if (groups.length === 0) return "There are no such dead letters."
  const rows = groups.map(({ count, example, exampleReason, hour, reason, replayed, topic }) => [
    hour,
    topic,
    String(count),
    replayed === 0 ? "" : String(replayed),
    safe(reason),
    `${example}: ${safe(exampleReason)}`
  ])
  const head = ["hour", "topic", "count", "replayed", "reason", "for example"]
  const all = [head, ...rows]
  const widths = head.map((_, c) => Math.max(...all.map((row) => row[c].length)))
  return all
    .map((row) =>
      row
        .map((cell, c) => (c === 2 || c === 3 ? cell.padStart(widths[c]) : cell.padEnd(widths[c])))
        .join("  ")
        .trimEnd()
    )
    .join("\n")
}

export const letterText = (letter: ShownDeadLetter): string =>
  [
    `${letter.topic}/${letter.partition}/${letter.offset}, logged at ${letter.logTime}`,
    `reason:   ${safe(letter.reason)}`,
    `stored:   ${letter.file}`,
    `replayed: ${letter.replayed ? "yes" : "no"}`,
    `key:      ${shownText(letter.key)}`,
    ...letter.headers.map(({ name, value }) => `header:   ${safe(name)} = ${shownText(value)}`),
    letter.value === null
      ? "value:    none"
      : `value:    ${letter.bytes} bytes${"hex" in letter.value ? ", not UTF-8" : ""}`,
    ...(letter.value === null ? [] : [shownText(letter.value)])
  ].join("\n")

export const replayText = ({ before, replayed, stillDead }: ReplaySummary): string => {
  const dead = Object.entries(stillDead).map(([kind, count]) => `${count} ${safe(kind)}`)
  return (
    `${replayed} dead letters were put back into the log` +
    (before === 0 ? "" : `, ${before} had been before`) +
    (dead.length === 0 ? "." : `. Still dead: ${dead.join(", ")}.`)
  )
}
