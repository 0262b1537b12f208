import { UserError } from "@musify/runtime/UserError.ts";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, fstatSync, mkdirSync, openSync, readdirSync, readFileSync, readSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import process from "node:process";
import { commandOf } from "./commandOf.js";
import { isFree } from "./findPorts.js";
const startSeconds = 120;
const stopSeconds = 30;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
/**
 * Kills the child as soon as this process is gone, even by SIGKILL: the end of our process closes the pipe that a small
 * shell reads. Answers how to call the shell off.
 */
const guard = (pid) => {
    const shell = spawn("sh", ["-c", 'read -r line || kill -9 "$1"', "guard", String(pid)], {
        detached: true,
        stdio: ["pipe", "ignore", "ignore"]
    });
    shell.unref();
    shell.stdin.on("error", () => undefined);
    return () => void shell.stdin.end("off\n");
};
const readFrom = (file, position) => {
    const descriptor = openSync(file, "r");
    try {
        const buffer = Buffer.alloc(Math.max(0, fstatSync(descriptor).size - position));
        return buffer.toString("utf8", 0, readSync(descriptor, buffer, 0, buffer.length, position));
    }
    finally {
        closeSync(descriptor);
    }
};
const launch = (spec) => {
    mkdirSync(dirname(spec.logFile), { recursive: true });
    spec.prepare?.();
    const log = openSync(spec.logFile, "a");
    const from = fstatSync(log).size;
    // In a session of its own: Ctrl-C in the terminal reaches us alone, and we decide.
    const child = spawn(spec.command, spec.args, {
        cwd: dirname(spec.logFile),
        detached: true,
        stdio: ["ignore", log, log]
    });
    closeSync(log);
    writeFileSync(pidFile(spec), String(child.pid ?? 0));
    const callOff = spec.outlives || child.pid === undefined ? () => undefined : guard(child.pid);
    if (spec.outlives)
        child.unref();
    const ended = once(child, "exit").then(callOff, callOff);
    return { child, ended, printed: () => readFrom(spec.logFile, from) };
};
const pidFile = (spec) => `${spec.logFile}.pid`;
/**
 * Two servers on one folder would spoil what it keeps (two Kafkas write into one metadata log and destroy it), and
 * another server on our port would answer in the place of ours and be taken for it.
 */
const checkFree = async (spec) => {
    const folder = dirname(spec.logFile);
    const pid = existsSync(pidFile(spec)) ? Number(readFileSync(pidFile(spec), "utf8")) : 0;
    if (pid > 0 && commandOf(pid).includes(folder)) {
        throw new UserError({
            message: `${spec.name} cannot start: process ${pid} serves ${folder} already. Stop that one, or use another folder.`,
            exitCode: 2
        });
    }
    for (const port of spec.ports) {
        if (await isFree(port))
            continue;
        throw new UserError({
            message: `${spec.name} cannot start: port ${port} of 127.0.0.1 is taken by another program. Stop that one, or use another port.`,
            exitCode: 2
        });
    }
};
const isAlive = ({ child }) => child.pid !== undefined && child.exitCode === null && child.signalCode === null;
const untilReady = async (spec, running) => {
    const failed = (what) => new UserError({
        message: `${spec.name} ${what}. ${spec.logFile} says:\n${gist(running.printed())}`,
        exitCode: 3
    });
    for (let waited = 0; waited < startSeconds * 1000; waited += 50) {
        if (!isAlive(running))
            throw failed(`ended before it was ready (${running.child.signalCode ?? running.child.exitCode})`);
        if (await spec.isReady(running.printed))
            return;
        await sleep(50);
    }
    running.child.kill("SIGKILL");
    throw failed(`was not ready after ${startSeconds} s`);
};
/** Whether every thread of the process is stopped: a signal takes a while to reach them all. */
const standsStill = (pid) => {
    if (pid === undefined)
        return true;
    if (process.platform !== "linux")
        return execFileSync("ps", ["-o", "state=", "-p", String(pid)], { encoding: "utf8" }).startsWith("T");
    return readdirSync(`/proc/${pid}/task`).every((thread) => {
        try {
            return /\) T /.test(readFileSync(`/proc/${pid}/task/${thread}/stat`, "utf8"));
        }
        catch {
            return true; // ended since it was listed
        }
    });
};
/** What a reader of a log that ends in a failure wants: its errors, or else its last lines. */
const gist = (printed) => {
    const lines = printed.trimEnd().split("\n");
    const errors = lines.filter((line) => /ERROR|FATAL|Exception/.test(line));
    return (errors.length > 0 ? errors.slice(0, 10) : lines.slice(-20)).join("\n");
};
/** Starts a server and waits until it is ready. Fails with a UserError that shows what its log says. */
export const startService = async (spec) => {
    await checkFree(spec);
    let running = launch(spec);
    await untilReady(spec, running);
    const stop = async () => {
        if (!isAlive(running))
            return;
        const { child, ended } = running;
        child.kill("SIGCONT");
        child.kill("SIGTERM");
        const patience = setTimeout(() => child.kill("SIGKILL"), stopSeconds * 1000);
        await ended;
        clearTimeout(patience);
    };
    return {
        name: spec.name,
        address: spec.address,
        ports: spec.ports,
        get pid() {
            return running.child.pid ?? 0;
        },
        logFile: spec.logFile,
        isAlive: () => isAlive(running),
        stop,
        kill: async () => {
            running.child.kill("SIGKILL");
            await running.ended;
        },
        pause: async () => {
            running.child.kill("SIGSTOP");
            while (isAlive(running) && !standsStill(running.child.pid))
                await sleep(1);
        },
        resume: () => void running.child.kill("SIGCONT"),
        restart: async () => {
            await stop();
            await checkFree(spec);
            running = launch(spec);
            await untilReady(spec, running);
        },
        ended: () => running.ended
    };
};
