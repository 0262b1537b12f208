import { createRequire as bundleRequire } from "node:module"; const require = bundleRequire(import.meta.url);
import {
  Decompress,
  ZstdErrorCode,
  decompress
} from "./chunk-TQ6ORXNI.mjs";
import "./chunk-SFCQHAXM.mjs";
export {
  Decompress,
  ZstdErrorCode,
  decompress
};
//# sourceMappingURL=esm-6YRTLG7Y.mjs.map
