// An agent on the TypeScript SDK 1.x; its contract is in loop.mjs.
//   KIT=target/kit target/kit/bin/node tests/kit/agents/ts1.mjs --http URL
import { fault, fromKit, run } from "./loop.mjs";

const { Client } = fromKit("@modelcontextprotocol/sdk/client/index.js");
const { StdioClientTransport } = fromKit("@modelcontextprotocol/sdk/client/stdio.js");
const { StreamableHTTPClientTransport } = fromKit("@modelcontextprotocol/sdk/client/streamableHttp.js");
const { ErrorCode, McpError } = fromKit("@modelcontextprotocol/sdk/types.js");

function refined(error) {
    if (!(error instanceof McpError)) return fault(error);
    return { ...fault(error), kind: error.code === ErrorCode.RequestTimeout ? "timeout" : "rpc" };
}

await run(async (target, signal) => {
    const client = new Client({ name: "agent-ts1", version: "1.0.0" });
    const transport = target.url
        ? new StreamableHTTPClientTransport(target.url, { requestInit: { headers: target.headers } })
        : new StdioClientTransport(target);
    let protocol = null;
    const told = transport.setProtocolVersion?.bind(transport);
    transport.setProtocolVersion = (version) => {
        protocol = version;
        told?.(version);
    };
    signal.addEventListener("abort", () => client.close());
    await client.connect(transport);
    return {
        about: () => ({ protocol, server: client.getServerVersion()?.name ?? null }),
        list: () => client.listTools(),
        call: (params, options) => client.callTool(params, undefined, options),
        resource: (uri) => client.readResource({ uri }),
        prompt: (params) => client.getPrompt(params),
        close: () => client.close(),
        fault: refined,
    };
});
