/** Whether a server can listen on this port of 127.0.0.1 now. */
export declare const isFree: (port: number) => Promise<boolean>;
/** Ports of 127.0.0.1 that are free now and that this process has not been given before. */
export declare const findPorts: (count: number) => Promise<Array<number>>;
