// An agent on the TypeScript client 2.x, which takes the newest era that the server speaks; its contract is in loop.mjs.
//   KIT=target/kit target/kit/bin/node tests/kit/agents/ts2.mjs --http URL
import { fault, fromKit, run } from "./loop.mjs";

const { Client, ProtocolError, SdkError, SdkErrorCode, StreamableHTTPClientTransport } =
    fromKit("@modelcontextprotocol/client");
const { StdioClientTransport } = fromKit("@modelcontextprotocol/client/stdio");

function refined(error) {
    if (error instanceof ProtocolError) return { ...fault(error), kind: "rpc" };
    const timeout = error instanceof SdkError && error.code === SdkErrorCode.RequestTimeout;
    return timeout ? { ...fault(error), kind: "timeout" } : fault(error);
}

await run(async (target, signal) => {
    const client = new Client({ name: "agent-ts2", version: "1.0.0" }, { versionNegotiation: { mode: "auto" } });
    const transport = target.url
        ? new StreamableHTTPClientTransport(target.url, { requestInit: { headers: target.headers } })
        : new StdioClientTransport(target);
    signal.addEventListener("abort", () => client.close());
    await client.connect(transport);
    return {
        about: () => ({
            protocol: client.getNegotiatedProtocolVersion() ?? null,
            server: client.getServerVersion()?.name ?? null,
        }),
        list: () => client.listTools(),
        call: (params, options) => client.callTool(params, options),
        resource: (uri) => client.readResource({ uri }),
        prompt: (params) => client.getPrompt(params),
        close: () => client.close(),
        fault: refined,
    };
});
