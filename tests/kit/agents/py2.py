"""An agent on Python mcp 2.x, which takes the newest era that the server speaks; its contract is in loop.mjs.

target/kit/mcp2/bin/python tests/kit/agents/py2.py --http URL
"""

from contextlib import asynccontextmanager

import anyio
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client
from mcp_types import REQUEST_TIMEOUT

import loop


class Session:
    def __init__(self, client):
        self.client = client

    def about(self):
        server = self.client.server_info
        return {"protocol": self.client.protocol_version, "server": server and server.name}

    async def list(self):
        names, cursor = [], None
        while True:
            page = await self.client.list_tools(cursor=cursor)
            names += [tool.name for tool in page.tools]
            cursor = page.next_cursor
            if cursor is None:
                return names

    async def call(self, tool, arguments, timeout_s, progress):
        result = await self.client.call_tool(tool, arguments, timeout_s, progress)
        return bool(result.is_error), result.content, result.structured_content

    async def resource(self, uri):
        return (await self.client.read_resource(uri)).contents

    async def prompt(self, name, arguments):
        return (await self.client.get_prompt(name, arguments)).messages

    def fault(self, error):
        if isinstance(error, MCPError):
            return loop.Fault("timeout" if error.code == REQUEST_TIMEOUT else "rpc", error.message, error.code)


@asynccontextmanager
async def connect(target):
    if target.url is None:
        command, *args = target.command
        server = StdioServerParameters(command=command, args=args, env=target.environment)
        async with Client(server) as client:
            yield Session(client)
    else:
        async with create_mcp_http_client(headers=target.headers) as http:
            async with Client(streamable_http_client(target.url, http_client=http)) as client:
                yield Session(client)


anyio.run(loop.run, connect)
