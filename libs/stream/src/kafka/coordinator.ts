import type Broker from "kafkajs/src/broker/index.js"
import type { Cluster } from "./Cluster.ts"

/** Asks the broker that coordinates a group, wherever that is now. */
export const askCoordinator = <A>(
  cluster: Cluster,
  groupId: string,
  timeoutMs: number,
  ask: (broker: Broker) => Promise<A>
): Promise<A> =>
  cluster.insist(timeoutMs, async () => cluster.call(await findCoordinator(cluster, groupId), ask))

/** The node that coordinates a group. */
export const findCoordinator = async (cluster: Cluster, groupId: string): Promise<number> => {
  const anyone = await cluster.anyNode()
  const { coordinator } = await cluster.call(anyone, (broker) => broker.findGroupCoordinator({ groupId }))
  return coordinator.nodeId
}
