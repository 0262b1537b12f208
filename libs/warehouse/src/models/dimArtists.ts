import type { Model } from "../Model.ts"
import { column, optional } from "../Model.ts"

/** Artists: the catalog's, and the strings of songs seen only in events that name none of them. */
export const dimArtists: Model = {
  name: "dim_artists",
  kind: "dimension",
  grain: "one artist_id of the catalog, or artist string seen only in events",
  description: "Artists.",
  key: ["artist_key"],
  columns: [
    column("artist_key", "int64", "Key of artist_id, or of the string"),
    optional("artist_id", "string", "Catalog's id"),
    column("name", "string", "The smallest of its spellings"),
    optional("latitude", "float64", "Degrees north"),
    optional("longitude", "float64", "Degrees east"),
    optional("location", "string", "Place, as the catalog says")
  ],
  dependsOn: ["dim_songs", "catalog_songs"],
  cluster: ["artist_key"],
  seed: (sql) => [
    `INSERT INTO dim_artists SELECT ${sql.key("artist", "artist_id")}, artist_id, name, ${sql.pairLat("pair")}, ${sql.pairLon("pair")}, location
FROM (SELECT artist_id, min(artist_name) AS name, ${sql.minPair("artist_latitude", "artist_longitude")} AS pair,
  min(artist_location) AS location FROM catalog_songs GROUP BY artist_id)`
  ],
  steps: (_sql, { isNew }) => [
    ...(isNew
      ? []
      : [
          `DELETE FROM dim_artists WHERE artist_id IS NULL
  AND artist_key NOT IN (SELECT artist_key FROM dim_songs WHERE NOT in_catalog)`
        ]),
    `INSERT INTO dim_artists (artist_key, name)
SELECT DISTINCT artist_key, artist_name FROM dim_songs
WHERE NOT in_catalog AND artist_key NOT IN (SELECT artist_key FROM dim_artists)`
  ],
  audits: [],
  publish: "whole"
}
