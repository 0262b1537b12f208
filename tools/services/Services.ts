/*
 * Real servers for tests: Apache Kafka and a Cloud Storage server, started in a folder of the caller's on free ports of
 * 127.0.0.1, with handles to stop, kill, pause and restart them.
 */
export { startBroker, startBrokers, type Broker, type BrokerOptions } from "./Broker.ts"
export { findPorts } from "./findPorts.ts"
export { install } from "./install.ts"
export { type ProxiedListener, saslUsers } from "./kafkaSettings.ts"
export type { Service } from "./Service.ts"
export { startStorageServer, type StorageServerOptions } from "./StorageServer.ts"
