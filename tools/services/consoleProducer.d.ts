export interface ConsoleProducerOptions {
    /** host:port of some brokers. */
    readonly brokers: ReadonlyArray<string>;
    readonly topic: string;
    /** One record each, without a line feed. */
    readonly lines: Iterable<string>;
    /** A line is then `key<separator>value`; without it a record has no key. */
    readonly keySeparator?: string;
    /** Settings of Kafka's producer: `compression.type`, `sasl.jaas.config` and so on. */
    readonly settings?: Readonly<Record<string, string>>;
}
/**
 * Produces lines with Kafka's own console producer: Java, and so a client that shares no code with ours. Resolves when
 * all of them are acknowledged; fails with a UserError when one is not.
 */
export declare const produceLines: (options: ConsoleProducerOptions) => Promise<void>;
