/** One Kafka process, broker and controller in one. */
export interface KafkaNode {
    /** From 1. */
    readonly id: number;
    readonly folder: string;
    readonly port: number;
    readonly saslPort: number;
    readonly controllerPort: number;
}
/** Who may connect to the SASL listener: one user by PLAIN, one by SCRAM-SHA-256 and SCRAM-SHA-512. */
export declare const saslUsers: {
    readonly plain: {
        readonly username: "plain-user";
        readonly password: "plain-secret";
    };
    readonly scram: {
        readonly username: "scram-user";
        readonly password: "scram-secret";
    };
};
/** The server.properties of `node` in a cluster of `nodes`. */
export declare const kafkaSettings: (node: KafkaNode, nodes: ReadonlyArray<KafkaNode>) => string;
