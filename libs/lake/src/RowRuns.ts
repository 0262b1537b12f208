/** Rows of decoded chunks as runs of neighbours: where rows come in order, a run is as long as its chunk. */
export class RowRuns {
  /** Number of rows. */
  count = 0
  /** Number of runs. */
  length = 0
  /** Chunk, first row and row behind the last of each run, by turns. */
  private bounds = new Int32Array(12)

  add(chunk: number, from: number, to: number): void {
    this.count += to - from
    const { bounds, length } = this
    if (length > 0 && bounds[length * 3 - 3] === chunk && bounds[length * 3 - 1] === from) {
      bounds[length * 3 - 1] = to
      return
    }
    if (length * 3 === bounds.length) {
      this.bounds = new Int32Array(length * 6)
      this.bounds.set(bounds)
    }
    this.bounds[length * 3] = chunk
    this.bounds[length * 3 + 1] = from
    this.bounds[length * 3 + 2] = to
    this.length++
  }

  chunkOf(run: number): number {
    return this.bounds[run * 3]
  }
  fromOf(run: number): number {
    return this.bounds[run * 3 + 1]
  }
  toOf(run: number): number {
    return this.bounds[run * 3 + 2]
  }
}
