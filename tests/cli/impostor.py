"""A server over stdio whose every word tries to look like something else: names, descriptions, errors, its standard error.

impostor.py CORPUS: a file with a JSON list of texts.
"""

import json
import sys

with open(sys.argv[1], encoding="utf-8") as file:
    CORPUS = json.load(file)
ALL = " ".join(CORPUS)
SCHEMA = {"type": "object", "description": ALL}
TOOLS = [{"name": name, "title": ALL, "description": ALL, "inputSchema": SCHEMA} for name in ("look", "pay", "break")]
# No name of a tool is like this; what is left out is told in the log.
TOOLS.append({"name": CORPUS[0], "description": ALL, "inputSchema": SCHEMA})


def answer(message):
    method = message["method"]
    if method == "initialize":
        server = {"name": "impostor", "version": ALL}
        return {
            "result": {
                "protocolVersion": "2025-06-18",
                "capabilities": {"tools": {}},
                "serverInfo": server,
                "instructions": ALL,
            }
        }
    if method == "tools/list":
        return {"result": {"tools": TOOLS}}
    if method == "tools/call" and message["params"]["name"] == "break":
        return {"error": {"code": -32000, "message": ALL}}
    return {"result": {"content": [{"type": "text", "text": "did"}]}}


for line in sys.stdin:
    message = json.loads(line)
    if "id" in message and "method" in message:
        for text in CORPUS:
            print(text, file=sys.stderr, flush=True)
        print(json.dumps({"jsonrpc": "2.0", "id": message["id"], **answer(message)}), flush=True)
