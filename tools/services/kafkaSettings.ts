/** A further PLAINTEXT listener, whose clients are told to come to another port: that of a proxy in front of it. */
export interface ProxiedListener {
  readonly port: number
  readonly advertisedPort: number
}

/** One Kafka process, broker and controller in one. */
export interface KafkaNode {
  /** From 1. */
  readonly id: number
  readonly folder: string
  readonly port: number
  readonly saslPort: number
  readonly controllerPort: number
  readonly proxied: ReadonlyArray<ProxiedListener>
}

/** Who may connect to the SASL listener: one user by PLAIN, one by SCRAM-SHA-256 and SCRAM-SHA-512. */
export const saslUsers = {
  plain: { username: "plain-user", password: "plain-secret" },
  scram: { username: "scram-user", password: "scram-secret" }
} as const

/** The server.properties of `node` in a cluster of `nodes`. */
export const kafkaSettings = (node: KafkaNode, nodes: ReadonlyArray<KafkaNode>): string => {
  const copies = Math.min(nodes.length, 3)
  const inSync = copies < 3 ? 1 : 2
  const clients = `PLAINTEXT://127.0.0.1:${node.port},SASL://127.0.0.1:${node.saslPort}`
  const proxied = (port: (listener: ProxiedListener) => number) =>
    node.proxied.map((listener, n) => `,PROXIED${n}://127.0.0.1:${port(listener)}`).join("")
  const protocols = node.proxied.map((_, n) => `,PROXIED${n}:PLAINTEXT`).join("")
  const security = "org.apache.kafka.common.security"
  const scramLogin = `${security}.scram.ScramLoginModule required;`
  const { password, username } = saslUsers.plain
  const settings = {
    "process.roles": "broker,controller",
    "node.id": node.id,
    // Voters named here, not in the data: the same data can be served on other ports.
    "controller.quorum.voters": nodes.map((one) => `${one.id}@127.0.0.1:${one.controllerPort}`).join(","),
    listeners: `${clients}${proxied(({ port }) => port)},CONTROLLER://127.0.0.1:${node.controllerPort}`,
    "advertised.listeners": `${clients}${proxied(({ advertisedPort }) => advertisedPort)}`,
    "listener.security.protocol.map": `PLAINTEXT:PLAINTEXT,SASL:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT${protocols}`,
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
    "listener.name.sasl.plain.sasl.jaas.config": `${security}.plain.PlainLoginModule required user_${username}="${password}";`,
    "listener.name.sasl.scram-sha-256.sasl.jaas.config": scramLogin,
    "listener.name.sasl.scram-sha-512.sasl.jaas.config": scramLogin,
    "log.dirs": `${node.folder}/data`,
    "auto.create.topics.enable": false,
    "default.replication.factor": copies,
    "min.insync.replicas": inSync,
    "offsets.topic.num.partitions": 4,
    "offsets.topic.replication.factor": copies,
    "transaction.state.log.num.partitions": 4,
    "transaction.state.log.replication.factor": copies,
    "transaction.state.log.min.isr": inSync,
    "share.coordinator.state.topic.num.partitions": 1,
    "share.coordinator.state.topic.replication.factor": copies,
    "share.coordinator.state.topic.min.isr": inSync,
    // After a kill -9 the controller lets a node in again only when its old session is over. A node alone can take part
    // in no election meanwhile, so that a short one harms nothing.
    ...(nodes.length === 1 ? { "broker.session.timeout.ms": 3000, "broker.heartbeat.interval.ms": 500 } : {}),
    "group.initial.rebalance.delay.ms": 0,
    // A record of 10 MB must fit.
    "message.max.bytes": 10_485_760,
    "replica.fetch.max.bytes": 10_485_760,
    // Simulated events carry old times: a retention by time would remove them at once.
    "log.retention.ms": -1,
    "num.network.threads": 2,
    "num.io.threads": 4,
    "log.cleaner.dedupe.buffer.size": 33_554_432
  }
  return Object.entries(settings)
    .map(([key, value]) => `${key}=${value}\n`)
    .join("")
}
