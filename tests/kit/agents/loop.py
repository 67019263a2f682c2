"""The loop that both Python agents share; the contract is told in loop.mjs."""

import json
import math
import os
import re
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio


class Fault(Exception):
    """What went wrong with one step, in the terms that the four agents share."""

    def __init__(self, kind, message, code=None):
        super().__init__(message)
        self.said = {"kind": kind, "code": code, "message": message}


@dataclass
class Target:
    """Where the agent connects to: an URL with headers, or a command."""

    url: str | None = None
    headers: dict = field(default_factory=dict)
    command: list = field(default_factory=list)
    environment: dict = field(default_factory=lambda: dict(os.environ))


def parse_target(arguments):
    match arguments:
        case ["--http", url]:
            return Target(url=url)
        case ["--http", url, "--token", token]:
            return Target(url=url, headers={"Authorization": f"Bearer {token}"})
        case ["--stdio", _, *_]:
            return Target(command=arguments[1:])
    sys.exit("usage: agent --http URL [--token TOKEN] | --stdio COMMAND ARGS…")


def shown(blocks):
    """What a model would be shown of content blocks."""
    texts = []
    for block in blocks:
        inner = getattr(block, "resource", block)
        text = getattr(inner, "text", None)
        texts.append(f"[{getattr(block, 'type', 'resource')}]" if text is None else text)
    return "\n".join(texts)


@asynccontextmanager
async def within(deadline):
    """Runs the body up to the deadline, whatever the library does."""
    with anyio.CancelScope(deadline=deadline) as scope:
        yield
    if scope.cancelled_caught:
        raise Fault("gave_up", "the agent gave up waiting")


async def call(session, step, deadline, tally):
    """One call, repeated identically while it is pending approval and the step asks for that."""

    async def count(*_):
        tally["progress"] += 1

    while True:
        tally["attempts"] += 1
        pause = step.get("retry_s", 3)
        try:
            async with within(deadline):
                is_error, blocks, structured = await session.call(
                    step["tool"],
                    step.get("arguments", {}),
                    step.get("timeout_s"),
                    count if step.get("progress") else None,
                )
            text = shown(blocks)
            outcome = {"is_error": is_error, "text": text, "structured": structured}
            pending = text.startswith("APPROVAL PENDING")
            if told := re.search(r"in about (\d+) s", text):
                pause = min(pause, int(told[1]))
        except Exception as error:
            outcome = {"error": fault(session, error).said}
            pending = outcome["error"]["kind"] == "timeout"
        if not step.get("repeat_pending") or not pending or anyio.current_time() + pause >= deadline:
            return outcome
        await anyio.sleep(pause)


async def perform(session, step, deadline, tally):
    match step["op"]:
        case "session":
            return session.about()
        case "call":
            return await call(session, step, deadline, tally)
    async with within(deadline):
        match step["op"]:
            case "list":
                return {"tools": await session.list()}
            case "resource":
                return {"text": shown(await session.resource(step["uri"]))}
            case "prompt":
                messages = await session.prompt(step["name"], step.get("arguments", {}))
                return {"text": shown(message.content for message in messages)}
    raise Fault("step", f"unknown step {step['op']}")


def fault(session, error):
    """The innermost cause of a failed step, in the terms of `Fault`."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, Fault):
        return error
    if session is None:
        return Fault("connect", f"{type(error).__name__}: {error}")
    return session.fault(error) or Fault("transport", f"{type(error).__name__}: {error}")


async def next_step(lines):
    """The next step, or nothing at `end` or at the end of the input."""
    async for line in lines:
        if line.strip():
            step = json.loads(line)
            return None if step["op"] == "end" else step
    return None


async def run(connect):
    """Connects with `connect(target)` and performs the steps in turn; the step after a broken session connects anew."""
    target = parse_target(sys.argv[1:])
    lines = anyio.wrap_file(sys.stdin)
    step = await next_step(lines)
    while step is not None:
        session, outcome = None, None
        started = anyio.current_time()
        tally = {"attempts": 0, "progress": 0}
        try:
            with anyio.CancelScope(deadline=started + step.get("give_up_s", 150)) as bound:
                async with connect(target) as session:
                    bound.deadline = math.inf
                    while step is not None:
                        deadline = started + step.get("give_up_s", 150)
                        try:
                            outcome = await perform(session, step, deadline, tally)
                        except Exception as error:
                            outcome = {"error": fault(session, error).said}
                        say(step, outcome, tally, started)
                        step, outcome = await next_step(lines), None
                        started = anyio.current_time()
                        tally = {"attempts": 0, "progress": 0}
                    bound.deadline = anyio.current_time() + 5
            broken = Fault("gave_up", "the agent gave up waiting")
        except Exception as error:
            broken = fault(session, error)
        if step is not None:
            say(step, {"error": broken.said}, tally, started)
            step = await next_step(lines)


def say(step, outcome, tally, started):
    elapsed_ms = round((anyio.current_time() - started) * 1000)
    said = {"op": step["op"], "error": None, **outcome, **tally, "elapsed_ms": elapsed_ms}
    print(json.dumps(said, ensure_ascii=False, separators=(",", ":")), flush=True)
