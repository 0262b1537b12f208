import { UserError } from "@musify/runtime/UserError.ts";
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { findPorts } from "./findPorts.js";
import { install } from "./install.js";
import { kafkaSettings, saslUsers } from "./kafkaSettings.js";
import { startService } from "./Service.js";
const logger = "-Dorg.slf4j.simpleLogger";
/** Java compiles at once and not again: for runs of seconds. */
const quickStart = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"];
const brokerLog = [
    `${logger}.showDateTime=true`,
    `${logger}.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSX`,
    // Each start would print two thousand lines of settings.
    `${logger}.log.org.apache.kafka.common.config=warn`
];
/** The cluster's id, in Kafka's form: 16 bytes in base64url, which may not begin with a dash. */
const clusterId = (folder) => {
    const file = join(folder, "cluster.id");
    if (!existsSync(file))
        writeFileSync(file, `A${randomBytes(16).toString("base64url").slice(1)}`);
    return readFileSync(file, "utf8");
};
const format = async (classPath, folder, settings, id) => {
    const { password, username } = saslUsers.scram;
    const scram = ["SCRAM-SHA-256", "SCRAM-SHA-512"].flatMap((mechanism) => [
        "--add-scram",
        `${mechanism}=[name=${username},password=${password}]`
    ]);
    const java = ["-Xmx256m", ...quickStart, `${logger}.defaultLogLevel=warn`, "-cp", classPath];
    try {
        await promisify(execFile)("java", [
            ...[...java, "kafka.tools.StorageTool", "format"],
            ...["--cluster-id", id, "--config", settings, ...scram]
        ]);
    }
    catch (cause) {
        const text = cause instanceof Error ? cause.message : String(cause);
        throw new UserError({ message: `Kafka cannot format ${folder}/data: ${text}`, exitCode: 3 });
    }
};
/** Starts a cluster of Kafka processes and waits until all are ready; answers them in the order of their ids. */
export const startBrokers = async (options) => {
    const { kafkaClassPath } = await install(["kafka"]);
    const count = options.nodes ?? 1;
    const folder = resolve(options.folder);
    const ports = options.ports ?? (await findPorts(3 * count));
    const nodes = Array.from({ length: count }, (_, n) => ({
        id: n + 1,
        folder: join(folder, `node-${n + 1}`),
        port: ports[3 * n],
        saslPort: ports[3 * n + 1],
        controllerPort: ports[3 * n + 2]
    }));
    mkdirSync(folder, { recursive: true });
    const id = clusterId(folder);
    const start = async (node) => {
        const settings = join(node.folder, "server.properties");
        const prepare = () => writeFileSync(settings, kafkaSettings(node, nodes));
        mkdirSync(node.folder, { recursive: true });
        prepare();
        if (!existsSync(join(node.folder, "data/meta.properties")))
            await format(kafkaClassPath, node.folder, settings, id);
        const service = await startService({
            name: `Kafka (node ${node.id})`,
            address: `127.0.0.1:${node.port}`,
            ports: [node.port, node.saslPort, node.controllerPort],
            command: "java",
            args: [
                ...["-Xms256m", "-Xmx1g", "-XX:+ExitOnOutOfMemoryError"],
                ...(options.longRun === true ? [] : quickStart),
                ...[...brokerLog, "-cp", kafkaClassPath, "kafka.Kafka", settings]
            ],
            prepare,
            logFile: join(node.folder, "broker.log"),
            // Printed once the controllers let clients reach the broker; its ports are open long before.
            isReady: async (printed) => printed().includes("Kafka Server started"),
            outlives: options.outlives ?? false
        });
        // Not a spread: `pid` is a getter.
        return Object.assign(service, { saslAddress: `127.0.0.1:${node.saslPort}` });
    };
    const started = await Promise.allSettled(nodes.map(start));
    const brokers = started.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
    for (const one of started) {
        if (one.status === "fulfilled")
            continue;
        await Promise.all(brokers.map((broker) => broker.kill()));
        throw one.reason;
    }
    return brokers;
};
/** Starts one Kafka process; see startBrokers. */
export const startBroker = async (options) => (await startBrokers(options))[0];
