import { UserError } from "@musify/runtime/UserError.ts"
import { execFile, spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import process from "node:process"
import { promisify } from "node:util"
import { servicesFolder } from "./servicesFolder.ts"

/*
 * Kafka comes as jars from Maven's repository, the Cloud Storage server is built from Go's module proxy: both through
 * their own clients, so that a person's mirrors and proxies hold. Each is made in a folder beside and then renamed:
 * what exists is whole, and two processes that install at once do not disturb each other.
 */

const kafkaVersion = "4.4.0"
const storageVersion = "v1.56.1"
const storageModule = "github.com/fsouza/fake-gcs-server"

/** The broker and its command line tools; slf4j-simple writes their log to the standard error. */
const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>musify</groupId><artifactId>services</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${kafkaVersion}</version></dependency>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>${kafkaVersion}</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
`
const mavenGoal = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"

export type Part = "kafka" | "storage"

const kafkaJars = () => join(servicesFolder(), `kafka-${kafkaVersion}`)
const storageProgram = () => join(servicesFolder(), `fake-gcs-server-${storageVersion}`)

/** What a command prints, or undefined where there is no such command. */
const outputOf = async (command: string, ...args: ReadonlyArray<string>): Promise<string | undefined> => {
  try {
    const { stderr, stdout } = await promisify(execFile)(command, args)
    return stdout + stderr
  } catch {
    return undefined
  }
}

/** Whether a Docker engine answers. */
export const hasDocker = async (): Promise<boolean> =>
  (await outputOf("docker", "info", "--format", "{{.ID}}")) !== undefined

/** What is missing on this machine to install and run the parts, each with what to do. */
const missingFor = async (parts: ReadonlyArray<Part>): Promise<ReadonlyArray<string>> => {
  const missing: Array<string> = []
  if (parts.includes("kafka")) {
    const version = /version "(\d+)/.exec((await outputOf("java", "-version")) ?? "")?.[1]
    if (version === undefined || Number(version) < 17)
      missing.push(
        `java 17 or newer (${version === undefined ? "none is" : `${version} is`} there; Debian: apt-get install openjdk-17-jre-headless)`
      )
    if (!existsSync(kafkaJars()) && (await outputOf("mvn", "-version")) === undefined)
      missing.push("mvn (Debian: apt-get install maven)")
  }
  if (parts.includes("storage") && !existsSync(storageProgram())) {
    if ((await outputOf("go", "version")) === undefined) missing.push("go 1.26 or newer (https://go.dev/dl)")
  }
  return missing
}

/** Runs a command of an installation; its output is shown only when it fails. */
const runQuietly = async (
  command: string,
  args: ReadonlyArray<string>,
  options: { readonly cwd: string; readonly env?: NodeJS.ProcessEnv }
) => {
  const child = spawn(command, args, { ...options, stdio: ["ignore", "pipe", "pipe"] })
  let output = ""
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => (output += text))
  const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null]
  if (code !== 0) {
    throw new UserError({
      message: `${command} ${args.join(" ")} ended with ${signal ?? code}:\n${output.trim()}\nCheck the network and the settings of ${command}, then run the same command again.`,
      exitCode: 3
    })
  }
}

/** Lets `make` work in a new folder, then gives what it made its final name. */
const installOnce = async (
  what: string,
  target: string,
  make: (folder: string) => Promise<string>
): Promise<void> => {
  if (existsSync(target)) return
  console.error(`Installing ${what} into ${target} ...`)
  mkdirSync(servicesFolder(), { recursive: true })
  const folder = mkdtempSync(join(servicesFolder(), "new-"))
  try {
    const made = await make(folder)
    try {
      renameSync(made, target)
    } catch (cause) {
      // Another process was faster.
      if (!existsSync(target)) throw cause
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const makeKafka = async (folder: string) => {
  writeFileSync(join(folder, "pom.xml"), pom)
  const jars = join(folder, "jars")
  const args = ["-q", "-B", mavenGoal, "-DincludeScope=runtime", `-DoutputDirectory=${jars}`]
  await runQuietly("mvn", args, { cwd: folder })
  return jars
}

const makeStorage = async (folder: string) => {
  // No C compiler is needed, and no table for debuggers.
  const env = { ...process.env, GOBIN: folder, CGO_ENABLED: "0" }
  const args = ["install", "-ldflags=-s -w", `${storageModule}@${storageVersion}`]
  await runQuietly("go", args, { cwd: folder, env })
  return join(folder, "fake-gcs-server")
}

/** What is installed. */
export interface Installed {
  /** Java's class path of Kafka. */
  readonly kafkaClassPath: string
  /** The program of the Cloud Storage server. */
  readonly storageProgram: string
}

/**
 * Installs what is not there yet: seconds for Kafka, a minute or two for the storage server, nothing the second time.
 * Fails with a UserError that names everything that is missing on this machine.
 */
export const install = async (parts: ReadonlyArray<Part>): Promise<Installed> => {
  const missing = await missingFor(parts)
  if (missing.length > 0) {
    const docker = (await hasDocker()) ? " Or let Docker run the services: npm run services -- --docker." : ""
    throw new UserError({
      message: `The services need what this machine has not: ${missing.join(", ")}. Install it and try again.${docker}`,
      exitCode: 2
    })
  }
  await Promise.all([
    parts.includes("kafka") ? installOnce(`Kafka ${kafkaVersion}`, kafkaJars(), makeKafka) : undefined,
    parts.includes("storage")
      ? installOnce(`fake-gcs-server ${storageVersion}`, storageProgram(), makeStorage)
      : undefined
  ])
  return { kafkaClassPath: join(kafkaJars(), "*"), storageProgram: storageProgram() }
}
