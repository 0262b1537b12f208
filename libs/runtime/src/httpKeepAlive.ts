/**
 * How long, in ms, our HTTP servers keep an idle connection: longer than browsers and proxies keep theirs. One that the
 * server closes while it is taken again is a request that fails.
 */
export const keepAliveMs = 75_000
