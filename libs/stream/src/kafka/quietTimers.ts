import RequestQueue from "kafkajs/src/network/requestQueue/index.js"

/*
 * kafkajs 2.2.4 sets a timer with a negative delay after every answer, which then sets itself again each millisecond, per
 * connection: 2-3 % of a core for nothing, and a warning of Node 24. It is needed only while requests wait or the broker
 * throttles.
 */
const schedule = RequestQueue.prototype.scheduleCheckPendingRequests

/** Lets the timers of kafkajs run only when there is something to wait for. */
export const quietTimers = (): void => {
  RequestQueue.prototype.scheduleCheckPendingRequests = function (this: RequestQueue) {
    if (this.pending.length > 0 || this.throttledUntil > Date.now()) schedule.call(this)
  }
}
