// node tools/completeLock.mjs: puts back into package-lock.json the optional packages of other platforms that npm left
// out because the registry at hand does not serve them; without them `npm ci` refuses the lock. Run it after each
// `npm install`. The entries have no integrity hash: no registry was asked.
import { readFileSync, writeFileSync } from "node:fs"

const systems = [
  "aix",
  "android",
  "darwin",
  "freebsd",
  "linux",
  "netbsd",
  "openbsd",
  "openharmony",
  "sunos",
  "win32"
]
const processors = ["arm", "arm64", "ia32", "loong64", "mips64el", "ppc64", "riscv64", "s390x", "x64"]
const file = new URL("../package-lock.json", import.meta.url)
const lock = JSON.parse(readFileSync(file, "utf8"))

let added = 0
for (const [parent, { dev, optionalDependencies = {} }] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(optionalDependencies)) {
    const known = `node_modules/${name}` in lock.packages || `${parent}/node_modules/${name}` in lock.packages
    const words = name.split(/[-/]/)
    const os = words.filter((word) => systems.includes(word))
    if (known || os.length === 0 || !/^\d/.test(version)) continue
    const cpu = words.filter((word) => processors.includes(word))
    const libc = words.some((word) => word.startsWith("musl")) ? ["musl"] : ["glibc"]
    lock.packages[`node_modules/${name}`] = {
      version,
      ...(cpu.length === 0 ? {} : { cpu }),
      ...(dev ? { dev } : {}),
      ...(words.some((word) => /^(gnu|musl)/.test(word)) && os[0] === "linux" ? { libc } : {}),
      optional: true,
      os
    }
    added++
  }
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)))
if (added > 0) writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`)
console.log(`${added} packages added.`)
