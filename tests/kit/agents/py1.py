"""An agent on Python mcp 1.x; its contract is in loop.mjs.

target/kit/mcp1/bin/python tests/kit/agents/py1.py --http URL
"""

from contextlib import asynccontextmanager
from datetime import timedelta

import anyio
from mcp import ClientSession, McpError, StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamablehttp_client

import loop

# What this library calls its own timeout: a status of HTTP.
REQUEST_TIMEOUT = 408


class Session:
    def __init__(self, client, initialized):
        self.client = client
        self.initialized = initialized

    def about(self):
        return {"protocol": self.initialized.protocolVersion, "server": self.initialized.serverInfo.name}

    async def list(self):
        names, cursor = [], None
        while True:
            page = await self.client.list_tools(cursor)
            names += [tool.name for tool in page.tools]
            cursor = page.nextCursor
            if cursor is None:
                return names

    async def call(self, tool, arguments, timeout_s, progress):
        timeout = timeout_s and timedelta(seconds=timeout_s)
        result = await self.client.call_tool(tool, arguments, timeout, progress)
        return result.isError, result.content, result.structuredContent

    async def resource(self, uri):
        return (await self.client.read_resource(uri)).contents

    async def prompt(self, name, arguments):
        return (await self.client.get_prompt(name, arguments)).messages

    def fault(self, error):
        if isinstance(error, McpError):
            code = error.error.code
            return loop.Fault("timeout" if code == REQUEST_TIMEOUT else "rpc", error.error.message, code)


@asynccontextmanager
async def connect(target):
    if target.url is None:
        command, *args = target.command
        transport = stdio_client(StdioServerParameters(command=command, args=args, env=target.environment))
    else:
        transport = streamablehttp_client(target.url, headers=target.headers)
    async with transport as (read, write, *_):
        async with ClientSession(read, write) as client:
            yield Session(client, await client.initialize())


anyio.run(loop.run, connect)
