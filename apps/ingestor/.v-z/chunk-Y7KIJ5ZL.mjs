import { createRequire as bundleRequire } from "node:module"; const require = bundleRequire(import.meta.url);
import {
  Context_exports,
  Schema_exports
} from "./chunk-IF5KSLEC.mjs";

// libs/lake/src/ObjectStore.ts
var ObjectStore = class extends Context_exports.Tag("@musify/lake/ObjectStore")() {
};

// libs/lake/src/ObjectStoreError.ts
var ObjectStoreUnavailable = class extends Schema_exports.TaggedError()(
  "ObjectStoreUnavailable",
  {
    name: Schema_exports.String,
    message: Schema_exports.String,
    retryable: Schema_exports.Boolean,
    cause: Schema_exports.optional(Schema_exports.Defect)
  }
) {
};

export {
  ObjectStore,
  ObjectStoreUnavailable
};
//# sourceMappingURL=chunk-Y7KIJ5ZL.mjs.map
