/** A server that a test can hurt. What it keeps on disk and its ports are the same after each restart. */
export interface Service {
    /** As a person calls it. */
    readonly name: string;
    /** Where clients reach it. */
    readonly address: string;
    /** All ports of 127.0.0.1 that it listens on, in the order in which its start takes them. */
    readonly ports: ReadonlyArray<number>;
    /** Of the process that runs now, or ran last. */
    readonly pid: number;
    readonly logFile: string;
    /** Whether the process runs; a paused one does. */
    readonly isAlive: () => boolean;
    /** Asks it to end and waits until it has; ends it by force after half a minute. */
    readonly stop: () => Promise<void>;
    /** SIGKILL, and waits until it is gone. */
    readonly kill: () => Promise<void>;
    /** SIGSTOP, and waits until all its threads stand still; the kernel goes on accepting its connections. */
    readonly pause: () => Promise<void>;
    /** SIGCONT. */
    readonly resume: () => void;
    /** Starts it again, after a stop if it runs, and waits until it is ready. */
    readonly restart: () => Promise<void>;
    /** Waits until the process that runs now ends, for whatever reason. */
    readonly ended: () => Promise<void>;
}
/** How a server is started and when it is ready. */
export interface ServiceSpec {
    readonly name: string;
    readonly address: string;
    readonly ports: ReadonlyArray<number>;
    readonly command: string;
    readonly args: ReadonlyArray<string>;
    /** What it prints is added to this file. */
    readonly logFile: string;
    /** Writes what the server reads when it starts; before every start, since another start may have written otherwise. */
    readonly prepare?: () => void;
    /** Asked every 50 ms; `printed` is what it has printed since this start. */
    readonly isReady: (printed: () => string) => Promise<boolean>;
    /** The server outlives this process. Otherwise it is killed when this process ends, however it ends. */
    readonly outlives: boolean;
}
/** Starts a server and waits until it is ready. Fails with a UserError that shows what its log says. */
export declare const startService: (spec: ServiceSpec) => Promise<Service>;
