// The loop that both TypeScript agents share: steps in on stdin, one JSON line out for each.
//
//   agent --http URL [--token TOKEN]
//   agent --stdio COMMAND ARGS…
//
// Steps are JSON lines: {"op":"session"}, {"op":"list"}, {"op":"call","tool":…,"arguments":{…}},
// {"op":"resource","uri":…}, {"op":"prompt","name":…,"arguments":{…}}, {"op":"end"}.
// A step may set give_up_s (150 by default), after which the agent abandons it. A call may also set progress (ask for
// it), timeout_s (of the library; its own default otherwise), repeat_pending (the identical call again while the text
// begins with APPROVAL PENDING or the library times out) and retry_s (the longest pause before that, 3 by default).
//
// Answers have op, attempts, progress, elapsed_ms, and error: null or {kind, code, message}, where kind is one of rpc,
// timeout, gave_up, connect, transport. A call's result is in is_error, text (what a model would see) and structured;
// the text of a resource or prompt in text, a list in tools, a session in protocol and server.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

/** Loads a package of the kit, whose folder is named by the environment variable KIT. */
export const fromKit = createRequire(`${process.env.KIT}/npm/`);

/** Where the agent connects to, from its command line. */
function parseTarget([flag, ...rest]) {
    if (flag === "--http" && (rest.length === 1 || (rest.length === 3 && rest[1] === "--token"))) {
        return { url: new URL(rest[0]), headers: rest[2] ? { authorization: `Bearer ${rest[2]}` } : {} };
    }
    if (flag === "--stdio" && rest.length > 0) {
        return { command: rest[0], args: rest.slice(1), env: process.env };
    }
    console.error("usage: agent --http URL [--token TOKEN] | --stdio COMMAND ARGS…");
    process.exit(2);
}

/** What went wrong, as far as every library tells it alike: `kind` is refined by each agent. */
export function fault(error) {
    const code = typeof error.code === "number" ? error.code : null;
    return { kind: error.kind ?? "transport", code, message: error.message };
}

/** What a model would be shown of content blocks. */
function shown(blocks) {
    return blocks.map((block) => block.text ?? block.resource?.text ?? `[${block.type}]`).join("\n");
}

const sleep = (ms) => new Promise((wake) => setTimeout(wake, ms));

/** Runs `work(signal)`; at the deadline aborts it and fails, whatever the library does. */
async function within(deadline, work) {
    const abort = new AbortController();
    let timer;
    const gaveUp = new Promise((_, fail) => {
        timer = setTimeout(() => {
            fail(Object.assign(new Error("the agent gave up waiting"), { kind: "gave_up" }));
            abort.abort();
        }, Math.max(0, deadline - performance.now()));
    });
    const working = work(abort.signal);
    working.catch(() => {});
    try {
        return await Promise.race([working, gaveUp]);
    } finally {
        clearTimeout(timer);
    }
}

/** One call, repeated identically while it is pending approval and the step asks for that. */
async function call(session, step, deadline, tally) {
    const params = { name: step.tool, arguments: step.arguments ?? {} };
    for (;;) {
        tally.attempts += 1;
        let outcome, pause = step.retry_s ?? 3, pending = false;
        try {
            const result = await within(deadline, (signal) => {
                const options = { signal };
                if (step.timeout_s) options.timeout = step.timeout_s * 1000;
                if (step.progress) options.onprogress = () => { tally.progress += 1; };
                return session.call(params, options);
            });
            const text = shown(result.content ?? []);
            outcome = { is_error: result.isError === true, text, structured: result.structuredContent ?? null };
            pending = text.startsWith("APPROVAL PENDING");
            const told = /in about (\d+) s/.exec(text);
            if (told) pause = Math.min(pause, Number(told[1]));
        } catch (error) {
            outcome = { error: session.fault(error) };
            pending = outcome.error.kind === "timeout";
        }
        const again = performance.now() + pause * 1000;
        if (!step.repeat_pending || !pending || again >= deadline) return outcome;
        await sleep(pause * 1000);
    }
}

async function perform(session, step, deadline, tally) {
    switch (step.op) {
        case "session":
            return session.about();
        case "list":
            return { tools: (await within(deadline, () => session.list())).tools.map((tool) => tool.name) };
        case "call":
            return call(session, step, deadline, tally);
        case "resource":
            return { text: shown((await within(deadline, () => session.resource(step.uri))).contents) };
        case "prompt": {
            const params = { name: step.name, arguments: step.arguments ?? {} };
            const prompt = await within(deadline, () => session.prompt(params));
            return { text: shown(prompt.messages.map((message) => message.content)) };
        }
        default:
            throw new Error(`unknown step ${step.op}`);
    }
}

/** Connects with `connect(target, signal)`, performs the steps in turn, and leaves at `end` or end of input. */
export async function run(connect) {
    const target = parseTarget(process.argv.slice(2));
    let session;
    for await (const line of createInterface({ input: process.stdin })) {
        if (line.trim() === "") continue;
        const step = JSON.parse(line);
        if (step.op === "end") break;
        const started = performance.now();
        const deadline = started + (step.give_up_s ?? 150) * 1000;
        const tally = { attempts: 0, progress: 0 };
        let outcome;
        try {
            session ??= await within(deadline, (signal) => connect(target, signal));
            outcome = await perform(session, step, deadline, tally);
        } catch (error) {
            outcome = { error: session?.fault(error) ?? { ...fault(error), kind: error.kind ?? "connect" } };
        }
        const elapsed_ms = Math.round(performance.now() - started);
        const said = { op: step.op, error: null, ...outcome, ...tally, elapsed_ms };
        process.stdout.write(`${JSON.stringify(said)}\n`);
    }
    if (session) await Promise.race([session.close().catch(() => {}), sleep(5000)]);
    process.exit(0);
}
