/** Where a field lies in the text of a flat JSON object: [nameFrom, to) is `"name":value`, [valueFrom, to) the value. */
export interface FieldPlace {
  readonly nameFrom: number
  readonly valueFrom: number
  readonly to: number
}

/**
 * Finds a field of a flat object without blanks, as the simulator writes them. Within a text a quote is always escaped,
 * so `"name":` is nowhere but where the field begins.
 */
export const findField = (json: string, name: string): FieldPlace | undefined => {
  const key = `"${name}":`
  const nameFrom = json.indexOf(key)
  if (nameFrom < 0) return undefined
  const valueFrom = nameFrom + key.length
  let to = valueFrom
  if (json[to] === '"') {
    for (to++; json[to] !== '"'; to++) if (json[to] === "\\") to++
    to++
  } else while (json[to] !== "," && json[to] !== "}") to++
  return { nameFrom, valueFrom, to }
}

/** The object without a field: the comma before it goes with it, or the one behind it when it is the first. */
export const withoutField = (json: string, { nameFrom, to }: FieldPlace): string =>
  json[nameFrom - 1] === ","
    ? json.slice(0, nameFrom - 1) + json.slice(to)
    : json.slice(0, nameFrom) + json.slice(json[to] === "," ? to + 1 : to)

/** The object with another value of a field that it has; unchanged if it has not. */
export const withValue = (json: string, name: string, change: (value: string) => string): string => {
  const place = findField(json, name)
  return place === undefined
    ? json
    : json.slice(0, place.valueFrom) + change(json.slice(place.valueFrom, place.to)) + json.slice(place.to)
}

/** A field that is a number; NaN when it is not there. */
export const numberOf = (json: string, name: string): number => {
  const place = findField(json, name)
  return place === undefined ? Number.NaN : Number(json.slice(place.valueFrom, place.to))
}
