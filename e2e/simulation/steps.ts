/** The steps of the protocol, as its ports see them: each call of a writer to log or store is one of these. */
export const steps = [
  "join group",
  "log range",
  "read log",
  "commit offset",
  "read plan",
  "list plans",
  "read seal",
  "check file",
  "put plan",
  "put file",
  "put dead letters",
  "put seal"
] as const
export type Step = (typeof steps)[number]

/** Steps that change what others see: their effect may come before, after, or without their answer. */
export const changes = (step: Step): boolean => step.startsWith("put ") || step === "commit offset"

export const isOfLog = (step: Step): boolean =>
  step === "join group" || step === "log range" || step === "read log" || step === "commit offset"

/** The step that a call to the store is, by the object's name. */
export const stepOfGet = (name: string): Step =>
  name.endsWith(".plan.json") ? "read plan" : name.endsWith(".seal.json") ? "read seal" : "check file"

export const stepOfPut = (name: string): Step =>
  name.endsWith(".plan.json")
    ? "put plan"
    : name.endsWith(".seal.json")
      ? "put seal"
      : name.startsWith("dead-letters/")
        ? "put dead letters"
        : "put file"
