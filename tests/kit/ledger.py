"""A small MCP server whose effects can be counted: every call that it executes is one line of its ledger.

ledger.py [--ledger FILE] [--http]

The ledger is FILE or else what the environment variable LEDGER names. It is written through to the disk before a call
is answered, and `slow` is written when it begins. A line also keeps the credential that came with the call over HTTP.
Both transports speak the eras before and since 2026-07-28.
"""

import argparse
import json
import os
import sys
import time
from decimal import Decimal

import anyio
import mcp_types as types
from mcp import MCPError
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

TEXT = {"type": "string"}
NUMBER = {"type": "number"}


def tool(name, description, required, *, read_only=False, more=False):
    schema = {"type": "object", "properties": required, "required": [*required], "additionalProperties": more}
    hints = types.ToolAnnotations(read_only_hint=read_only, destructive_hint=not read_only)
    return types.Tool(name=name, description=description, input_schema=schema, annotations=hints)


PAYMENT = {"nonce": TEXT, "amount": NUMBER, "currency": TEXT, "recipient": TEXT}

TOOLS = [
    tool("pay", "Pays an amount to a recipient.", PAYMENT),
    tool("note", "Writes a note.", {"text": TEXT}),
    tool("slow", "Does something that takes some seconds.", {"seconds": NUMBER, "nonce": TEXT}),
    tool("echo", "Says back what it was given.", {}, read_only=True, more=True),
    tool("balance", "Tells what was paid so far.", {}, read_only=True),
]


class Ledger:
    """A file of JSON lines, one a call that was executed."""

    def __init__(self, path):
        self.path = path

    def append(self, name, arguments, authorization):
        entry = {"tool": name, "arguments": arguments, "authorization": authorization, "at": time.time()}
        line = json.dumps(entry, ensure_ascii=False)
        # One write to a file opened for appending: several servers may share a ledger.
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, f"{line}\n".encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def paid(self):
        with open(self.path, encoding="utf-8") as lines:
            entries = [json.loads(line, parse_float=Decimal) for line in lines]
        return sum((entry["arguments"]["amount"] for entry in entries if entry["tool"] == "pay"), Decimal(0))


def serve(ledger):
    async def list_tools(ctx, params):
        return types.ListToolsResult(tools=TOOLS)

    async def call_tool(ctx, params):
        name, arguments = params.name, params.arguments or {}
        known = next((tool for tool in TOOLS if tool.name == name), None)
        if known is None:
            raise MCPError(types.INVALID_PARAMS, f"Unknown tool: {name}")
        missing = [key for key in known.input_schema["required"] if key not in arguments]
        if missing:
            raise MCPError(types.INVALID_PARAMS, f"Missing arguments: {', '.join(missing)}")
        ledger.append(name, arguments, ctx.request and ctx.request.headers.get("authorization"))
        match name:
            case "pay":
                text = f"paid {arguments['amount']} {arguments['currency']} to {arguments['recipient']}"
            case "note":
                text = "noted"
            case "slow":
                await anyio.sleep(arguments["seconds"])
                text = f"done after {arguments['seconds']} s"
            case "echo":
                text = json.dumps(arguments, ensure_ascii=False)
            case "balance":
                text = f"paid so far: {ledger.paid()}"
        return types.CallToolResult(content=[types.TextContent(text=text)])

    return Server("ledger", version="1.0.0", on_list_tools=list_tools, on_call_tool=call_tool)


async def over_stdio(server):
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())


async def over_http(server):
    import socket

    import uvicorn

    listener = socket.create_server(("127.0.0.1", 0))
    print(f"listening on http://127.0.0.1:{listener.getsockname()[1]}/mcp", file=sys.stderr, flush=True)
    app = server.streamable_http_app()
    await uvicorn.Server(uvicorn.Config(app, log_level="warning")).serve(sockets=[listener])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--ledger", default=os.environ.get("LEDGER"))
    parser.add_argument("--http", action="store_true")
    options = parser.parse_args()
    if options.ledger is None:
        parser.error("no ledger: give --ledger FILE or set LEDGER")
    server = serve(Ledger(options.ledger))
    anyio.run(over_http if options.http else over_stdio, server)


main()
