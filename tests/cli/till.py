"""A till over stdio for the tests of the command line: every call that it executes is one line of a file.

till.py FILE
"""

import json
import sys

NUMBER = {"type": "number"}
TOOLS = [
    {"name": "look", "inputSchema": {"type": "object", "properties": {"what": {"type": "string"}}}},
    {"name": "pay", "inputSchema": {"type": "object", "properties": {"amount": NUMBER}, "required": ["amount"]}},
]


def answer(method, params):
    if method == "initialize":
        server = {"name": "till", "version": "1"}
        return {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": server}
    if method == "tools/list":
        return {"tools": TOOLS}
    if method == "tools/call":
        with open(sys.argv[1], "a", encoding="utf-8") as file:
            file.write(json.dumps(params) + "\n")
        return {"content": [{"type": "text", "text": f"did {params['name']}"}]}
    return {}


for line in sys.stdin:
    message = json.loads(line)
    if "id" in message and "method" in message:
        result = answer(message["method"], message.get("params", {}))
        print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}), flush=True)
