import { type Service } from "./Service.ts";
/** A Kafka process; `address` is host:port of its PLAINTEXT listener. */
export interface Broker extends Service {
    /** host:port of its SASL_PLAINTEXT listener, for saslUsers. */
    readonly saslAddress: string;
}
export interface BrokerOptions {
    /** Keeps the log, the settings and what the broker prints; what an earlier broker left in it is served again. */
    readonly folder: string;
    /** Three a node (PLAINTEXT, SASL, controllers); free ones by default. */
    readonly ports?: ReadonlyArray<number> | undefined;
    /** 1 by default; topics of a cluster of 3 have 3 copies, and 2 must have what is acknowledged. */
    readonly nodes?: number;
    /**
     * Java then optimizes for hours of work, as a benchmark or a person wants it. Tests want a start in half the time and
     * half the CPU, which is the default.
     */
    readonly longRun?: boolean;
    readonly outlives?: boolean;
}
/** Starts a cluster of Kafka processes and waits until all are ready; answers them in the order of their ids. */
export declare const startBrokers: (options: BrokerOptions) => Promise<Array<Broker>>;
/** Starts one Kafka process; see startBrokers. */
export declare const startBroker: (options: Omit<BrokerOptions, "nodes">) => Promise<Broker>;
