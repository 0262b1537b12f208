const token =
  /[ \t\r\n]*(?:([{}[\],:])|("(?:[ !#-[\]-\uffff]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")|(-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null))/y

/** What may come next: each state lists the tokens that go on from it ("v" = string or other scalar). */
type State = "value" | "valueOrEnd" | "key" | "keyOrEnd" | "colon" | "after"

/**
 * Offset of the first character at which a text stops being JSON, or its length when it just ends too early.
 * JSON.parse tells the place only on some engines, and not for every error.
 */
export const jsonErrorOffset = (text: string): number => {
  const open: Array<"{" | "["> = []
  let state: State = "value"
  let at = 0
  while (state !== "after" || open.length > 0) {
    token.lastIndex = at
    const match = token.exec(text)
    const start = at + (/^[ \t\r\n]*/.exec(text.slice(at))?.[0].length ?? 0)
    if (match === null) return start
    const [, mark, string] = match
    const inObject = open[open.length - 1] === "{"
    const wantsValue = state === "value" || state === "valueOrEnd"
    if (wantsValue && (mark === "{" || mark === "[")) {
      open.push(mark)
      state = mark === "{" ? "keyOrEnd" : "valueOrEnd"
    } else if (wantsValue && mark === undefined) state = "after"
    else if ((state === "key" || state === "keyOrEnd") && string !== undefined) state = "colon"
    else if (state === "colon" && mark === ":") state = "value"
    else if (state === "after" && mark === ",") state = inObject ? "key" : "value"
    else if (
      (mark === "}" && inObject && (state === "after" || state === "keyOrEnd")) ||
      (mark === "]" && !inObject && open.length > 0 && (state === "after" || state === "valueOrEnd"))
    ) {
      open.pop()
      state = "after"
    } else return start
    at = token.lastIndex
  }
  return at + (/^[ \t\r\n]*/.exec(text.slice(at))?.[0].length ?? 0)
}
