"""A server over stdio that writes every byte it reads into a file, and stops reading when a call says so.

byte_ledger.py LEDGER GO: after a call of `stall` nothing is read until GO exists.
"""

import json
import os
import sys
import time

TOOLS = [{"name": name, "inputSchema": {"type": "object"}} for name in ("pay", "stall")]


def result(method):
    if method == "initialize":
        server = {"name": "ledger", "version": "1"}
        return {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": server}
    if method == "tools/list":
        return {"tools": TOOLS}
    return {"content": [{"type": "text", "text": "done"}]}


ledger = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
unread = b""
while chunk := os.read(0, 65536):
    os.write(ledger, chunk)
    *lines, unread = (unread + chunk).split(b"\n")
    for line in lines:
        message = json.loads(line)
        if message.get("params", {}).get("name") == "stall":
            while not os.path.exists(sys.argv[2]):
                time.sleep(0.01)
        if "id" in message and "method" in message:
            answer = {"jsonrpc": "2.0", "id": message["id"], "result": result(message["method"])}
            os.write(1, json.dumps(answer).encode() + b"\n")
