/** What the producer of the chaos run is told. */
export interface ProducerArgs {
  /** host:port. */
  readonly brokers: string
  readonly topicPrefix: string
  /** Folder of its journals. */
  readonly journal: string
  readonly seed: number
  /** Which start this is, from 1: it makes other events than those before. */
  readonly start: number
  /** Records a second, about. */
  readonly rate: number
}
