import type { Model } from "../Model.ts"
import { artistCharts, songCharts } from "./charts.ts"
import { martListening, martSongs } from "./dailyMarts.ts"
import { deviceHours } from "./deviceHours.ts"
import { dimArtists } from "./dimArtists.ts"
import { dimDatetime } from "./dimDatetime.ts"
import { dimDevices } from "./dimDevices.ts"
import { dimLocation } from "./dimLocation.ts"
import { dimSongs } from "./dimSongs.ts"
import { dimUsers } from "./dimUsers.ts"
import { factAuth, factLevelChanges, factPageViews, factStreams } from "./facts.ts"
import { factSessions } from "./factSessions.ts"
import { cancellations, levelSteps } from "./levelSteps.ts"
import { locationHours } from "./locationHours.ts"
import { martLogins, martPages } from "./hourlyMarts.ts"
import { martLevelSteps } from "./martLevelSteps.ts"
import { listeningByAccountAge, listeningByDevice, listeningByTag } from "./listeningViews.ts"
import { martSessions } from "./martSessions.ts"
import { martWeeks } from "./martWeeks.ts"
import { martActiveUsers, martConversion, martRetention, martUsers } from "./userMarts.ts"
import { userRuns } from "./userRuns.ts"
import { usersNow } from "./usersNow.ts"
import { usersPast } from "./usersPast.ts"
import { userDays, usersSeen } from "./usersSeen.ts"
import { levelChanges, wideStreams } from "./views.ts"

/** Every table and view of the star schema, in the order in which a build makes them. */
export const models: ReadonlyArray<Model> = [
  dimDatetime,
  userRuns,
  usersNow,
  usersPast,
  dimUsers,
  locationHours,
  dimLocation,
  deviceHours,
  dimDevices,
  factStreams,
  factPageViews,
  factAuth,
  factLevelChanges,
  dimSongs,
  dimArtists,
  factSessions,
  usersSeen,
  userDays,
  cancellations,
  levelSteps,
  wideStreams,
  levelChanges,
  martListening,
  martSongs,
  martUsers,
  martActiveUsers,
  martLevelSteps,
  martConversion,
  martRetention,
  martWeeks,
  martSessions,
  martPages,
  martLogins,
  songCharts,
  artistCharts,
  listeningByTag,
  listeningByDevice,
  listeningByAccountAge
]
