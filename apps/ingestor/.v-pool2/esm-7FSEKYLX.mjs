import { createRequire as bundleRequire } from "node:module"; const require = bundleRequire(import.meta.url);
import{Decompress,ZstdErrorCode,decompress}from"./chunk-ZYZXKKGJ.mjs";import"./chunk-S566MVIH.mjs";export{Decompress,ZstdErrorCode,decompress};
//# sourceMappingURL=esm-7FSEKYLX.mjs.map
