/** A state code of US postal addresses. */
export interface UsState {
  /** Postal code, e.g. "CA". */
  readonly code: string
  readonly name: string
  /** ISO 3166-2, e.g. "US-CA"; null for military post and for the freely associated states, which are countries. */
  readonly regionCode: string | null
  /** Two-digit FIPS number: the id of its shape in us-atlas; null for military post. */
  readonly fips: string | null
  /** Whether a US map (us-atlas, Albers) has a shape for it: the fifty states and DC. Others are listed beside it. */
  readonly onMap: boolean
}

/** code, FIPS, name */
const onTheMap = [
  ["AL", "01", "Alabama"],
  ["AK", "02", "Alaska"],
  ["AZ", "04", "Arizona"],
  ["AR", "05", "Arkansas"],
  ["CA", "06", "California"],
  ["CO", "08", "Colorado"],
  ["CT", "09", "Connecticut"],
  ["DE", "10", "Delaware"],
  ["DC", "11", "District of Columbia"],
  ["FL", "12", "Florida"],
  ["GA", "13", "Georgia"],
  ["HI", "15", "Hawaii"],
  ["ID", "16", "Idaho"],
  ["IL", "17", "Illinois"],
  ["IN", "18", "Indiana"],
  ["IA", "19", "Iowa"],
  ["KS", "20", "Kansas"],
  ["KY", "21", "Kentucky"],
  ["LA", "22", "Louisiana"],
  ["ME", "23", "Maine"],
  ["MD", "24", "Maryland"],
  ["MA", "25", "Massachusetts"],
  ["MI", "26", "Michigan"],
  ["MN", "27", "Minnesota"],
  ["MS", "28", "Mississippi"],
  ["MO", "29", "Missouri"],
  ["MT", "30", "Montana"],
  ["NE", "31", "Nebraska"],
  ["NV", "32", "Nevada"],
  ["NH", "33", "New Hampshire"],
  ["NJ", "34", "New Jersey"],
  ["NM", "35", "New Mexico"],
  ["NY", "36", "New York"],
  ["NC", "37", "North Carolina"],
  ["ND", "38", "North Dakota"],
  ["OH", "39", "Ohio"],
  ["OK", "40", "Oklahoma"],
  ["OR", "41", "Oregon"],
  ["PA", "42", "Pennsylvania"],
  ["RI", "44", "Rhode Island"],
  ["SC", "45", "South Carolina"],
  ["SD", "46", "South Dakota"],
  ["TN", "47", "Tennessee"],
  ["TX", "48", "Texas"],
  ["UT", "49", "Utah"],
  ["VT", "50", "Vermont"],
  ["VA", "51", "Virginia"],
  ["WA", "53", "Washington"],
  ["WV", "54", "West Virginia"],
  ["WI", "55", "Wisconsin"],
  ["WY", "56", "Wyoming"]
] as const

const territories = [
  ["AS", "60", "American Samoa"],
  ["GU", "66", "Guam"],
  ["MP", "69", "Northern Mariana Islands"],
  ["PR", "72", "Puerto Rico"],
  ["VI", "78", "U.S. Virgin Islands"]
] as const

const associated = [
  ["FM", "64", "Micronesia"],
  ["MH", "68", "Marshall Islands"],
  ["PW", "70", "Palau"]
] as const

const military = [
  ["AA", "Armed Forces Americas"],
  ["AE", "Armed Forces Europe"],
  ["AP", "Armed Forces Pacific"]
] as const

/** All state codes that a US postal address can have, ordered by code: states, DC, territories, military post. */
export const usStates: ReadonlyArray<UsState> = [
  ...onTheMap.map(([code, fips, name]) => ({ code, name, regionCode: `US-${code}`, fips, onMap: true })),
  ...territories.map(([code, fips, name]) => ({ code, name, regionCode: `US-${code}`, fips, onMap: false })),
  ...associated.map(([code, fips, name]) => ({ code, name, regionCode: null, fips, onMap: false })),
  ...military.map(([code, name]) => ({ code, name, regionCode: null, fips: null, onMap: false }))
].sort((a, b) => (a.code < b.code ? -1 : 1))

const byCode = new Map(usStates.map((state) => [state.code, state]))

/** The state of a postal code ("CA"), if there is one. */
export const usState = (code: string): UsState | undefined => byCode.get(code)
