import type { ISocketFactory } from "kafkajs"
import { Buffer } from "node:buffer"
import net from "node:net"
import tls from "node:tls"
import { BufferPool } from "./BufferPool.ts"

const keepAliveMs = 60_000
const headBytes = 64 << 10
const sizeBytes = 4

/** Memory of answers, to be given back by whoever has used up a large one. */
export const answerMemory = new BufferPool(16 << 20)

/**
 * Cuts a stream of bytes into frames: four bytes of size, then as many bytes. Who reads the stream puts the bytes where
 * they belong, so that those of a large frame are not copied.
 */
export class Frames {
  private readonly onFrame: (frame: Buffer) => void
  /** Beginnings of frames, and small ones. */
  private readonly head = Buffer.allocUnsafeSlow(headBytes)
  /** A frame whose size is known and whose end is not here yet. */
  private frame: Buffer | undefined
  /** Bytes of the frame, or else of the head. */
  private filled = 0

  constructor(onFrame: (frame: Buffer) => void) {
    this.onFrame = onFrame
  }

  /** Where the next bytes are to be put. */
  room(): Buffer {
    return (this.frame ?? this.head).subarray(this.filled)
  }

  /** So many bytes were put there. Throws a RangeError when they are no frames. */
  take(size: number): void {
    this.filled += size
    const { frame, head } = this
    if (frame !== undefined) {
      if (this.filled < frame.length) return
      this.frame = undefined
      this.filled = 0
      this.onFrame(frame)
      return
    }
    const end = this.filled
    let at = 0
    while (end - at >= sizeBytes) {
      const size = head.readInt32BE(at)
      if (size < 0) throw new RangeError("what answers is not Kafka")
      const begun = answerMemory.take(sizeBytes + size)
      const has = head.copy(begun, 0, at, end)
      at += has
      if (has < begun.length) {
        this.frame = begun
        this.filled = has
        return
      }
      this.onFrame(begun)
    }
    head.copy(head, 0, at, end)
    this.filled = end - at
  }
}

/**
 * Sockets that hand over whole answers. kafkajs keeps the pieces of an answer and then joins them, which for fetched
 * records makes three times their bytes of garbage. With TLS it is left to that.
 */
export const framedSocket: ISocketFactory = ({ host, onConnect, port, ssl }) => {
  if (ssl) {
    const servername = net.isIP(host) === 0 ? { servername: host } : {}
    const socket = tls.connect({ host, port, ...servername, ...ssl }, onConnect)
    return socket.setKeepAlive(true, keepAliveMs)
  }
  const frames = new Frames((frame) => socket.emit("data", frame))
  const callback = (size: number): boolean => {
    try {
      frames.take(size)
      return true
    } catch (cause) {
      socket.destroy(cause instanceof Error ? cause : new Error(String(cause)))
      return false
    }
  }
  const socket = net.connect({ host, port, onread: { buffer: () => frames.room(), callback } }, onConnect)
  return socket.setKeepAlive(true, keepAliveMs)
}
