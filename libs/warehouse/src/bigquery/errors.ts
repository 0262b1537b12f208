import type { WarehouseError } from "../WarehouseError.ts"
import { LakeFileDamaged, StatementFailed, WarehouseUnavailable } from "../WarehouseError.ts"
import type { BigQueryFault } from "./bigQueryFault.ts"
import type { BigQueryOptions } from "./BigQueryOptions.ts"
import { generationMoved } from "./script.ts"

/** How messages name the warehouse. */
export const placeOf = ({ dataset, project }: BigQueryOptions): string => `BigQuery ${project}.${dataset}`

export const unavailable = (
  options: BigQueryOptions,
  reason: WarehouseUnavailable["reason"],
  message: string
): WarehouseUnavailable => new WarehouseUnavailable({ reason, file: placeOf(options), message })

const sentence = (text: string): string => (/[.!?]$/.test(text) ? text : `${text}.`)

/** What a fault of a step means to whoever runs the batcher: what happened, where, and what to do. */
export const errorOf = (
  options: BigQueryOptions,
  step: string,
  statement: string,
  { kind, text }: BigQueryFault
): WarehouseError => {
  const place = placeOf(options)
  const said = sentence(text)
  const fail = (reason: WarehouseUnavailable["reason"], message: string) =>
    unavailable(options, reason, message)
  if (text.includes(generationMoved) || kind === "conflict")
    return fail(
      "locked",
      `${place} is being changed by another batcher: ${said} Only one may work on it: wait for that one to end, or stop it.`
    )
  switch (kind) {
    case "transient":
      return fail(
        "unreachable",
        `${place} does not answer (${step}): ${said} Run again when it does; nothing was lost.`
      )
    case "quota":
      return fail(
        "quota",
        `A quota of the project ${options.project} is used up (${step}): ${said} Wait until it is renewed, or raise it.`
      )
    case "refused":
      return fail(
        "refused",
        `${place} refused (${step}): ${said} Give the identity that runs this roles/bigquery.jobUser on the project, ` +
          `roles/bigquery.dataEditor on its datasets and roles/storage.objectViewer on the bucket, or name another key (--bigquery-key-file).`
      )
    case "location":
      return fail(
        "missing",
        `${place} and what it is to read lie in different locations (${step}): ${said} Datasets and bucket must be in one; this one is told ${options.location} (--bigquery-location).`
      )
    case "bytes":
      return fail(
        "quota",
        `${step} would be billed for more than ${options.maxBytesBilled} bytes: ${said} Build fewer hours at a time (--batch-hours), or allow more (--bigquery-max-bytes).`
      )
    case "missing":
      if (step.startsWith("load "))
        return new LakeFileDamaged({
          file: /gs:\/\/[^\s'",)]+/.exec(text)?.[0] ?? statement.split(" ")[0],
          message: `A lake file is missing: ${said} Restore it from a copy, then run again. Nothing was changed.`
        })
      return fail(
        "missing",
        `${place}: something that ${step} needs is not there: ${said} Check project, dataset and location (${options.location}).`
      )
    default:
      if (step.startsWith("load "))
        return new LakeFileDamaged({
          file: /gs:\/\/[^\s'",)]+/.exec(text)?.[0] ?? statement.split(" ")[0],
          message: `Lake files cannot be loaded (${step}): ${said} Restore the file from a copy, then run again. Nothing was changed.`
        })
      return new StatementFailed({
        step,
        message: `${step}: ${text}`,
        statement: statement.length > 4000 ? `${statement.slice(0, 4000)}…` : statement
      })
  }
}
