import { type Service } from "./Service.ts";
export interface StorageServerOptions {
    /** Keeps the buckets and the log; what an earlier server left in it is served again. */
    readonly folder: string;
    /** A free one by default. */
    readonly port?: number | undefined;
    readonly outlives?: boolean;
}
/**
 * Starts fake-gcs-server; `address` is its URL. Objects lie as files in `<folder>/buckets`, so that they survive a
 * kill -9. README.md says how it differs from Cloud Storage.
 */
export declare const startStorageServer: (options: StorageServerOptions) => Promise<Service>;
