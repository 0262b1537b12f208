import type { ISocketFactory } from "kafkajs"
import { Buffer } from "node:buffer"
import net from "node:net"
import tls from "node:tls"

const keepAliveMs = 60_000
const readBytes = 256 << 10
const sizeBytes = 4

/** Cuts a stream of bytes into frames: four bytes of size, then as many bytes. */
export class Frames {
  private readonly onFrame: (frame: Buffer) => void
  private readonly head = Buffer.allocUnsafe(sizeBytes)
  private frame: Buffer = this.head
  private filled = 0

  constructor(onFrame: (frame: Buffer) => void) {
    this.onFrame = onFrame
  }

  /** Takes bytes, which may be used again afterwards. */
  push(bytes: Buffer): void {
    for (let at = 0; at < bytes.length;) {
      const taken = Math.min(this.frame.length - this.filled, bytes.length - at)
      bytes.copy(this.frame, this.filled, at, at + taken)
      at += taken
      this.filled += taken
      if (this.filled < this.frame.length) return
      if (this.frame === this.head) {
        this.frame = Buffer.allocUnsafeSlow(sizeBytes + this.head.readUInt32BE(0))
        this.head.copy(this.frame)
        if (this.frame.length > sizeBytes) continue
      }
      const whole = this.frame
      this.frame = this.head
      this.filled = 0
      this.onFrame(whole)
    }
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
  const buffer = Buffer.allocUnsafeSlow(readBytes)
  const callback = (size: number): boolean => {
    frames.push(buffer.subarray(0, size))
    return true
  }
  const socket = net.connect({ host, port, onread: { buffer, callback } }, onConnect)
  return socket.setKeepAlive(true, keepAliveMs)
}
