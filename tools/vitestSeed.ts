import fc from "fast-check"
import process from "node:process"

// One seed for every property, so that a run says of the code whether it is right, not of the dice; SEED=… tries others.
fc.configureGlobal({ seed: Number(process.env["SEED"] ?? 20261125) })
