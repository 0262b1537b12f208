/*
 * Real servers for tests: Apache Kafka and a Cloud Storage server, started in a folder of the caller's on free ports of
 * 127.0.0.1, with handles to stop, kill, pause and restart them.
 */
export { startBroker, startBrokers } from "./Broker.js";
export { install } from "./install.js";
export { saslUsers } from "./kafkaSettings.js";
export { startStorageServer } from "./StorageServer.js";
