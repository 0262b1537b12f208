import type { Song } from "@musify/domain/Song.ts"
import type { Cast } from "../Cast.ts"
import { firstNames, lastNames } from "./names.ts"
import { loadPlaces } from "./places.ts"
import { userAgents } from "./userAgents.ts"

/** Everything that listeners and their songs are drawn from, around a catalog. */
export const loadCast = (songs: ReadonlyArray<Song>): Cast => ({
  songs,
  firstNames,
  lastNames,
  places: loadPlaces(),
  userAgents
})
