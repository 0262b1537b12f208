import type { Song } from "@musify/domain/Song.ts"
import type { Cast } from "../Cast.ts"
import { firstNames, lastNames } from "./names.ts"
import { loadPlaces } from "./places.ts"
import type { SimilarSongs } from "../SimilarSongs.ts"
import { userAgents } from "./userAgents.ts"

/** Everything that listeners and their songs are drawn from, around a catalog and what it says of similar songs. */
export const loadCast = (songs: ReadonlyArray<Song>, similar?: SimilarSongs): Cast => ({
  songs,
  similar,
  firstNames,
  lastNames,
  places: loadPlaces(),
  userAgents
})
