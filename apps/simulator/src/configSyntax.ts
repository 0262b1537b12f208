import { parse, type ParseError, printParseErrorCode } from "jsonc-parser"

/** A place where a text is not JSON. */
export interface SyntaxFault {
  readonly offset: number
  /** What was found and what was expected. */
  readonly message: string
}

const expectations: Readonly<Record<string, string>> = {
  InvalidSymbol: `a value: a text in double quotes, a number, true, false, null, { or [`,
  InvalidNumberFormat: "a number",
  PropertyNameExpected: "a key in double quotes",
  ValueExpected: "a value",
  ColonExpected: ":",
  CommaExpected: ",",
  CloseBraceExpected: "}",
  CloseBracketExpected: "]",
  EndOfFileExpected: "the end of the file",
  UnexpectedEndOfString: `a text that ends with " on the same line`,
  UnexpectedEndOfNumber: "a digit",
  InvalidUnicode: "four hex digits after \\u",
  InvalidEscapeCharacter: 'one of " \\ / b f n r t u after \\',
  InvalidCharacter: "no control characters"
}

/** Line and column of an offset, both from 1. */
export const placeOf = (text: string, offset: number): { readonly line: number; readonly column: number } => {
  const before = text.slice(0, offset)
  return {
    line: before.split("\n").length,
    column: offset - before.lastIndexOf("\n")
  }
}

const isTrailingComma = (text: string, { error, offset }: ParseError): boolean =>
  ["PropertyNameExpected", "ValueExpected"].includes(printParseErrorCode(error)) &&
  (text[offset] === "}" || text[offset] === "]") &&
  /,\s*$/.test(text.slice(0, offset))

/**
 * Reads a text as JSON. Commas before a closing bracket and comments are faults, each of them, after which the rest
 * is still understood; of other faults only the first is told, since it makes the following ones. `value` is
 * undefined where the text could not be understood.
 */
export const readJson = (
  text: string
): { readonly value: unknown; readonly faults: ReadonlyArray<SyntaxFault> } => {
  const errors: Array<ParseError> = []
  let value: unknown
  try {
    value = parse(text, errors, { disallowComments: true, allowTrailingComma: false })
  } catch {
    return { value: undefined, faults: [{ offset: 0, message: "found brackets that are nested too deeply" }] }
  }
  const faults = new Map<number, SyntaxFault>()
  for (const error of errors) {
    const { offset } = error
    const kind = printParseErrorCode(error.error)
    if (isTrailingComma(text, error)) {
      const comma = text.slice(0, offset).lastIndexOf(",")
      faults.set(comma, {
        offset: comma,
        message: `found a comma before ${text[offset]}, expected none after the last entry`
      })
    } else if (kind === "InvalidCommentToken") {
      faults.set(offset, { offset, message: "found a comment, expected none: JSON has no comments" })
    } else {
      const found = offset >= text.length ? "the end of the file" : JSON.stringify(text[offset])
      faults.set(offset, {
        offset,
        message: `found ${found}, expected ${expectations[kind] ?? "JSON"}`
      })
      return { value: undefined, faults: [...faults.values()] }
    }
  }
  return {
    value: faults.size === 0 ? value : parse(text, [], { allowTrailingComma: true }),
    faults: [...faults.values()]
  }
}
