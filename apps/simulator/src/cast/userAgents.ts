import type { Weighted } from "../Cast.ts"

const chrome = (system: string, version: string) =>
  `Mozilla/5.0 (${system}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/${version}.0.0.0 Safari/537.36`
const firefox = (system: string, version: string) =>
  `Mozilla/5.0 (${system}; rv:${version}.0) Gecko/20100101 Firefox/${version}.0`

/** User agents with plausible shares, in the form that browsers send (their versions are frozen by the browsers themselves). */
export const userAgents: ReadonlyArray<Weighted<string>> = [
  { weight: 22, value: chrome("Windows NT 10.0; Win64; x64", "130") },
  { weight: 9, value: chrome("Windows NT 10.0; Win64; x64", "129") },
  { weight: 9, value: chrome("Macintosh; Intel Mac OS X 10_15_7", "130") },
  { weight: 2, value: chrome("X11; Linux x86_64", "130") },
  { weight: 1, value: chrome("X11; CrOS x86_64 14541.0.0", "130") },
  { weight: 7, value: `${chrome("Windows NT 10.0; Win64; x64", "130")} Edg/130.0.0.0` },
  { weight: 1, value: `${chrome("Windows NT 10.0; Win64; x64", "129")} OPR/115.0.0.0` },
  { weight: 4, value: firefox("Windows NT 10.0; Win64; x64", "132") },
  { weight: 2, value: firefox("Macintosh; Intel Mac OS X 10.15", "132") },
  { weight: 1, value: firefox("X11; Ubuntu; Linux x86_64", "132") },
  {
    weight: 6,
    value:
      "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15"
  },
  {
    weight: 18,
    value:
      "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1"
  },
  {
    weight: 2,
    value:
      "Mozilla/5.0 (iPad; CPU OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1"
  },
  {
    weight: 12,
    value:
      "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Mobile Safari/537.36"
  },
  {
    weight: 3,
    value:
      "Mozilla/5.0 (Linux; Android 14; SM-S921U) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/26.0 Chrome/122.0.0.0 Mobile Safari/537.36"
  },
  {
    weight: 1,
    value:
      "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36"
  }
]
