import kafkajs from "kafkajs"
import { Buffer } from "node:buffer"
import { type Cluster, pause } from "./Cluster.ts"
import { findCoordinator } from "./coordinator.ts"
import { faultOf, type KafkaFault } from "./KafkaFault.ts"
import { type Claimant, shareOut } from "./shareOut.ts"
import { groupByTopic, type TopicPartitionName } from "./TopicPartitionName.ts"

const { MemberAssignment, MemberMetadata } = kafkajs.AssignerProtocol

const protocolName = "musify-sticky-1"
/** A member that is not heard of for so long has left, unless the settings say another time. */
export const defaultSessionMs = 20_000
const longestHeartbeatMs = 2_000
const retryMs = 500
const leaveMs = 1_000

const [unknownMember, illegalGeneration, rebalanceInProgress] = [25, 22, 27]

/** A member's standing in its group: what a commit has to show. */
export interface Standing {
  readonly memberId: string
  readonly generation: number
}

/**
 * Membership of a consumer group. It shares partitions and nothing else: heartbeats run beside all reading, and no offset
 * of the group is ever read. The connection is its own, since joining blocks it until all members have come.
 */
export class Group {
  private readonly cluster: Cluster
  private readonly group: string
  private readonly partitions: ReadonlyArray<TopicPartitionName>
  private readonly sessionMs: number
  private readonly onAssigned: (partitions: ReadonlyArray<TopicPartitionName>) => void
  private readonly onFailed: (fault: KafkaFault) => void
  private coordinator: number | undefined
  private owned: ReadonlyArray<TopicPartitionName> = []
  private stopping = false
  private wake: (() => void) | undefined
  standing: Standing = { memberId: "", generation: -1 }

  constructor(options: {
    readonly cluster: Cluster
    readonly group: string
    /** What is shared. */
    readonly partitions: ReadonlyArray<TopicPartitionName>
    /** A member that is not heard of for so long has left. */
    readonly sessionMs: number
    /** This member's share, after each change. */
    readonly onAssigned: (partitions: ReadonlyArray<TopicPartitionName>) => void
    /** It can be no member any more. */
    readonly onFailed: (fault: KafkaFault) => void
  }) {
    this.cluster = options.cluster
    this.group = options.group
    this.partitions = options.partitions
    this.sessionMs = options.sessionMs
    this.onAssigned = options.onAssigned
    this.onFailed = options.onFailed
    void this.run()
  }

  private async run(): Promise<void> {
    while (!this.stopping) {
      try {
        await this.joinOnce()
      } catch (cause) {
        const fault = faultOf(cause)
        if (this.stopping) return
        if (fault.code === unknownMember || fault.code === illegalGeneration) {
          // The others were told that this one is gone. It keeps what it reads until it is told its new share.
          this.standing = { memberId: "", generation: -1 }
        } else if (fault.code !== rebalanceInProgress) {
          if (!fault.retryable) return this.onFailed(fault)
          this.coordinator = undefined
          await this.sleep(retryMs)
        }
      }
    }
  }

  /** Joins, and stays until the group changes (which it tells by an error). */
  private async joinOnce(): Promise<void> {
    const node = (this.coordinator ??= await findCoordinator(this.cluster, this.group))
    const { group: groupId } = this
    const userData = Buffer.from(JSON.stringify({ owned: this.owned, generation: this.standing.generation }))
    const topics = groupByTopic(this.partitions).map(([topic]) => topic)
    const joined = await this.cluster.call(node, (broker) =>
      broker.joinGroup({
        groupId,
        sessionTimeout: this.sessionMs,
        // Members that live come within a heartbeat; nobody waits longer for one that is dead.
        rebalanceTimeout: this.sessionMs,
        memberId: this.standing.memberId,
        groupProtocols: [
          { name: protocolName, metadata: MemberMetadata.encode({ version: 1, topics, userData }) }
        ]
      })
    )
    const { generationId: generation, leaderId, memberId, members } = joined
    this.standing = { memberId, generation }
    const { memberAssignment } = await this.cluster.call(node, (broker) =>
      broker.syncGroup({
        groupId,
        generationId: generation,
        memberId,
        groupAssignment: leaderId === memberId ? this.assign(members) : []
      })
    )
    const assignment = MemberAssignment.decode(memberAssignment)?.assignment ?? {}
    this.owned = Object.entries(assignment).flatMap(([topic, list]) =>
      list.map((partition) => ({ topic, partition }))
    )
    this.onAssigned(this.owned)
    const heartbeatMs = Math.min(longestHeartbeatMs, this.sessionMs / 3)
    while (!this.stopping) {
      await this.sleep(heartbeatMs)
      if (this.stopping) return
      await this.cluster.call(node, (broker) =>
        broker.heartbeat({ groupId, groupGenerationId: generation, memberId })
      )
    }
  }

  private assign(members: ReadonlyArray<{ readonly memberId: string; readonly memberMetadata: Buffer }>) {
    const shares = shareOut(
      members.map(({ memberId, memberMetadata }) => claimant(memberId, memberMetadata)),
      this.partitions
    )
    return [...shares].map(([memberId, share]) => ({
      memberId,
      memberAssignment: MemberAssignment.encode({
        version: 1,
        userData: Buffer.alloc(0),
        assignment: Object.fromEntries(
          groupByTopic(share).map(([topic, list]) => [topic, list.map(({ partition }) => partition)])
        )
      })
    }))
  }

  private sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  /** Leaves the group, so that the others need not wait for the session to end; gives up after a second. */
  async close(): Promise<void> {
    this.stopping = true
    this.wake?.()
    const { coordinator, standing } = this
    const leaving =
      coordinator === undefined || standing.memberId === ""
        ? Promise.resolve()
        : this.cluster
            .call(coordinator, (broker) =>
              broker.leaveGroup({ groupId: this.group, memberId: standing.memberId })
            )
            .catch(() => undefined)
    await Promise.race([leaving, pause(leaveMs)])
    await this.cluster.close()
  }
}

/** A member of another make claims nothing. */
const claimant = (id: string, metadata: Buffer): Claimant => {
  try {
    const { userData } = MemberMetadata.decode(metadata) ?? { userData: Buffer.alloc(0) }
    const { generation, owned } = JSON.parse(userData.toString()) as Omit<Claimant, "id">
    return { id, owned, generation }
  } catch {
    return { id, owned: [], generation: -1 }
  }
}
