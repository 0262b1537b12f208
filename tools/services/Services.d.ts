export { startBroker, startBrokers, type Broker, type BrokerOptions } from "./Broker.ts";
export { install } from "./install.ts";
export { saslUsers } from "./kafkaSettings.ts";
export type { Service } from "./Service.ts";
export { startStorageServer, type StorageServerOptions } from "./StorageServer.ts";
