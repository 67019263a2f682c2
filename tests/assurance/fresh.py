"""Plays fresh random histories through the oracle and prints one a line, each event with what is expected of it.

    python3 fresh.py SEED COUNT

Same seed, same histories. Every history has tools, a credential and a scope of its own, and what the golden ones hold
still is moved here: clocks that run backwards, parents, environments, second looks before a call goes out.
"""
import json
import random
import sys

import oracle as o

SECOND_LOOK = 5
PAYMENT_LOOK = 2
PLACES = [(52.52, 13.405), (35.6762, 139.6503), (53.55, 9.99), (48.137, 11.575), (-33.87, 151.21), (64.15, -21.94)]


def tool(dice, name):
    return o.Tool(name, base=dice.randint(0, 3), priv=dice.randint(0, 3), bind=dice.choice(["none", "none", "call"]),
                  send=dice.random() < .5, env=dice.choice(["prod"] * 19 + ["dev"]), hint_destructive=dice.random() < .2,
                  amount_limit=dice.choice([None, None, 1000]))


def credential(dice):
    return o.Cred(expires_at=dice.choice([10 ** 9] * 18 + [None, 3000]), pop=dice.random() < .95,
                  max_age=dice.choice([7776000] * 19 + [2000]), agents=dice.choice([1] * 19 + [2]))


def change(dice, expiring):
    changes = [{"agents": 2}, {"agents": 1}, {"human_use": True}, {"pop": False}, {"state": "active"},
               {"state": "leaked"}, {"issued_at": 500}]
    # A rotated credential that has expired as well is told of by its older fault here, and by the graver one there.
    return dice.choice(changes if expiring else changes + [{"state": "grace"}] * 2)


def call(dice, names):
    return {"do": "call", "tool": dice.choice(names), "args": dice.choice("ab"), "amount": dice.choice([0, 500, 1000]),
            "authentic": dice.random() < .97, "parent": dice.choice([3] * 27 + [0, 1, 2])}


def events(dice, number, now, names, expiring):
    """What happens at one moment: mostly one thing, now and then some that make sense together."""
    kind = dice.random()
    if kind < .24:
        return [call(dice, names)]
    if kind < .38:
        one = call(dice, names)
        return [one, {"do": "approve_last"}, one, {"do": "commit", "parent": 3}]
    if kind < .46:
        return [call(dice, names), {"do": "commit", "parent": dice.choice([3] * 9 + [1])}]
    if kind < .58:
        return [{"do": "signal", "signal": dice.choice(sorted(o.SIGNALS))}]
    if kind < .66:
        return [{"do": "hard", "jti": f"j{dice.randint(0, number + 1)}", "source": dice.choice(["idp", "edr"]),
                 "kind": dice.choice(["risk", "device"]), "event_ts": max(0, now + dice.choice([0, -5, -50, 30, 600])),
                 "cap": dice.choice([None, None, None, 0, 1, 2])}]
    if kind < .78:
        return [{"do": "proof", "grade": dice.randint(1, 3), "human": dice.random() < .7}]
    if kind < .82:
        return [{"do": "approve_last"}]
    if kind < .85:
        return [{"do": "refuse"}] * dice.choice([1, 1, 1, 3])
    if kind < .89:
        return [{"do": "heartbeat", "issuer": dice.choice(["idp", "edr", "siem"])}]
    if kind < .92:
        return [{"do": "credential", "set": change(dice, expiring)}]
    if kind < .95:
        return [{"do": "commit", "parent": 3}]
    if kind < .99:
        return [{"do": "tick"}]
    return [{"do": "kill", "cause": "session-revoked"}] if kind < .995 else [call(dice, names)] * 62


def happen(state, last, allowed, tools, at, one):
    """The state after one event, with the last digest, the last leave to run, and what is seen of the event."""
    do, seen = one["do"], {}
    if do == "call":
        call = o.Call(tools[one["tool"]], one["args"], one["amount"], one["authentic"])
        before = state
        state, verdict = o.decide(state, at, call, one["parent"])
        last = verdict.digest or last
        seen = {"verdict": verdict.kind, "level": verdict.level, "required": verdict.required, "code": verdict.code,
                "remedy": verdict.remedy, "sentence": o.explain(before, at, call, verdict, one["parent"])}
        if verdict.kind == o.ALLOW:
            look = PAYMENT_LOOK if call.tool.name == "pay" else SECOND_LOOK
            allowed = (state.clock, state.epoch, verdict.required, verdict.approved, look)
    elif do == "commit":
        if allowed:
            state = o.advance(state, at)     # the second look is an event: time does not run back behind it
            decided, epoch, required, approved, look = allowed
            seen = {"commits": o.commit(state, at, decided, epoch, required, approved, one["parent"], look)}
    elif do == "signal":
        state = o.signal(state, at, one["signal"])
    elif do == "hard":
        state = o.hard(state, at, one["jti"], one["source"], one["kind"], one["event_ts"], one["cap"])
    elif do == "proof":
        state = o.proof(state, at, one["grade"], one["human"])
    elif do == "approve_last":
        state = o.approve(state, at, last)
    elif do == "refuse":
        state = o.refuse(state, at)
    elif do == "heartbeat":
        state = o.heartbeat(state, at, one["issuer"])
    elif do == "credential":
        state = o.credential(state, at, **one["set"])
    elif do == "kill":
        state = o.kill(state, at, one["cause"])
    else:
        state = o.advance(state, at)
    seen |= {"session_level": o.level(state, at), "status": state.status, "latch": state.latch,
             "strain": o.strain_at(state, max(at, state.clock))}
    return state, last, allowed, seen


def history(dice, number):
    names = ["read", "pay", "send", "admin", "odd"]
    tools = {name: tool(dice, name) for name in names}
    declared = sorted(dice.sample(names, dice.choice([4, 5, 5])))
    used = sorted(dice.sample(names, dice.randint(1, 5)))
    profile, grade = dice.choice(["agent", "api", "console"]), dice.randint(1, 3)
    streams = [[issuer, 0] for issuer in dice.sample(["idp", "edr"], dice.choice([0, 0, 0, 1, 2]))]
    cred, extendable = credential(dice), dice.random() < .8
    state = o.Session(profile=profile, declared=frozenset(declared), established=grade if profile == "console" else 0,
                      hwm=1, seen=frozenset(used), proofs=((grade, 0),), streams=tuple(map(tuple, streams)),
                      extendable=extendable, cred=cred)
    expiring = cred.expires_at not in (None, 10 ** 9)
    at, last, allowed, played = 0, "", None, []
    for index in range(dice.randint(3, 16)):
        at = max(0, at + dice.choice([0, 0, 1, 1, 3, 7, 30, 60, 130, 310, 901, 1801, -40]))
        for one in events(dice, index, at, names, expiring):
            at += dice.choice([0, 0, 0, 1, 2]) if one["do"] in ("call", "commit") else 0
            state, last, allowed, seen = happen(state, last, allowed, tools, at, one)
            played.append({"at": at, **one, "expect": seen})
    return {"name": f"fresh {number}", "profile": profile, "grade": grade, "streams": streams, "cred": vars(cred),
            "extendable": extendable, "declared": declared, "seen": used, "tools": [vars(one) for one in tools.values()],
            "events": played}


def sight(dice):
    place = dice.choice(PLACES)
    return o.Sight(dice.randint(0, 40000), place[0] + dice.uniform(-3, 3), place[1] + dice.uniform(-3, 3),
                   dice.choice([0, 0, 50, 200]), dice.random() < .2, dice.random() < .3)


def journey(dice):
    one, other, bound = sight(dice), sight(dice), dice.random() < .7
    kind, speed = o.travel(one, other, bound)
    return {"from": vars(one), "to": vars(other), "bound": bound, "expect": {"travel": kind, "speed": speed}}


def main():
    dice = random.Random(int(sys.argv[1]))
    for number in range(int(sys.argv[2])):
        print(json.dumps({"history": history(dice, number), "journey": journey(dice)}, separators=(",", ":")))


main()
