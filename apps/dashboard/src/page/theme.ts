import { useEffect, useState } from "preact/hooks"

export type Theme = "system" | "light" | "dark"
const themes: ReadonlyArray<Theme> = ["system", "light", "dark"]
const key = "musify-theme"

/** Storage may be forbidden: the choice then lasts as long as the page. */
const stored = (): Theme => {
  try {
    return themes.find((theme) => theme === localStorage.getItem(key)) ?? "system"
  } catch {
    return "system"
  }
}
const store = (theme: Theme): void => {
  try {
    localStorage.setItem(key, theme)
  } catch {
    return
  }
}

/** The colours in use, and a function that goes on to the next choice. */
export const useTheme = (): readonly [Theme, () => void] => {
  const [theme, setTheme] = useState(stored)
  useEffect(() => {
    if (theme === "system") delete document.documentElement.dataset.theme
    else document.documentElement.dataset.theme = theme
    store(theme)
  }, [theme])
  return [theme, () => setTheme(themes[(themes.indexOf(theme) + 1) % themes.length])]
}
