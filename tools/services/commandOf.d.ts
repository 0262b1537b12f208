/** The command line of a process; empty when there is none, or when it is dead and only not yet waited for. */
export declare const commandOf: (pid: number) => string;
