import { exact } from "./format.ts"

/** One place of a chart; `detail` is a second line. */
export interface Ranked {
  readonly rank: number
  readonly previousRank: number | null
  readonly name: string
  readonly detail?: string
  readonly plays: number
}

const Move = ({ rank, previousRank, known }: Ranked & { readonly known: boolean }) => {
  if (!known) return <span class="move" />
  if (previousRank === null) {
    return (
      <span class="move new" data-tip="Not played in the previous period">
        new
      </span>
    )
  }
  const up = previousRank - rank
  if (up === 0)
    return (
      <span class="move same" role="img" aria-label="same place">
        =
      </span>
    )
  return (
    <span class={`move ${up > 0 ? "up" : "down"}`} data-tip={`Place ${previousRank} in the previous period`}>
      <span aria-hidden="true">{up > 0 ? "▲" : "▼"}</span>
      <span class="hidden">{up > 0 ? "up " : "down "}</span>
      {Math.abs(up)}
    </span>
  )
}

/** Ranks with their move, a bar and the plays. */
export const RankList = ({
  rows,
  caption
}: {
  readonly rows: ReadonlyArray<Ranked>
  readonly caption: string
}) => {
  const top = Math.max(1, ...rows.map((row) => row.plays))
  const known = rows.some((row) => row.previousRank !== null)
  return (
    <table class="ranks">
      <caption class="hidden">{caption}</caption>
      <colgroup>
        <col />
        <col />
        <col />
        <col />
      </colgroup>
      <thead>
        <tr>
          {["Place", "Move", "Name", "Plays"].map((name) => (
            <th scope="col" key={name}>
              <span class="hidden">{name}</span>
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.rank}>
            <td class="rank number">{row.rank}</td>
            <td class="moves">
              <Move {...row} known={known} />
            </td>
            <td class="name">
              <span class="names">
                <span class="title" title={row.name}>
                  {row.name === "" ? "(no title)" : row.name}
                </span>
                {row.detail !== undefined && <span class="detail">{row.detail}</span>}
              </span>
              <span class="bar" aria-hidden="true">
                <span style={{ width: `${(100 * row.plays) / top}%` }} />
              </span>
            </td>
            <td class="number plays">{exact(row.plays)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
