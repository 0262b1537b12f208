export type Part = "kafka" | "storage";
/** Whether a Docker engine answers. */
export declare const hasDocker: () => Promise<boolean>;
/** What is installed. */
export interface Installed {
    /** Java's class path of Kafka. */
    readonly kafkaClassPath: string;
    /** The program of the Cloud Storage server. */
    readonly storageProgram: string;
}
/**
 * Installs what is not there yet: seconds for Kafka, a minute or two for the storage server, nothing the second time.
 * Fails with a UserError that names everything that is missing on this machine.
 */
export declare const install: (parts: ReadonlyArray<Part>) => Promise<Installed>;
