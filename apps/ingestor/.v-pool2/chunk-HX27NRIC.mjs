import { createRequire as bundleRequire } from "node:module"; const require = bundleRequire(import.meta.url);
import{Context_exports,Schema_exports}from"./chunk-36JFGB7A.mjs";var ObjectStore=class extends Context_exports.Tag("@musify/lake/ObjectStore")(){};var ObjectStoreUnavailable=class extends Schema_exports.TaggedError()("ObjectStoreUnavailable",{name:Schema_exports.String,message:Schema_exports.String,retryable:Schema_exports.Boolean,cause:Schema_exports.optional(Schema_exports.Defect)}){};export{ObjectStore,ObjectStoreUnavailable};
//# sourceMappingURL=chunk-HX27NRIC.mjs.map
