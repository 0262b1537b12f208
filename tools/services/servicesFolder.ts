import { join, resolve } from "node:path"
import process from "node:process"

/**
 * Where the services are installed and where `npm run services` keeps their data: `MUSIFY_SERVICES_DIR`, or `.services`
 * in the folder that npm runs in, the root of the repository. An absolute path.
 */
export const servicesFolder = (): string =>
  resolve(process.env.MUSIFY_SERVICES_DIR || join(process.cwd(), ".services"))
