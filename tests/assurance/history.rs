//! Histories as documents: what happens, and what is expected to be seen of it.

use std::sync::Arc;
use std::time::Duration;

use countersign::assurance::{
    Assurance, Credential, Hints, KeyState, Leave, Level, Policy, Profile, Prover, Remedy, Signal,
    Stream, Streams, Subject,
};
use countersign::model::decimal::Decimal;
use serde_json::{Map, Value, json};

use super::happening::{Asked, Change, Happening};
use super::world::{Around, Card, World, at};

/// A history that has begun.
pub(crate) struct History<'a> {
    world: World,
    events: &'a [Value],
    name: &'a str,
}

impl<'a> History<'a> {
    /// From its document, and the one that says which tools there are, which are declared and which used.
    pub(crate) fn read(house: &Value, case: &'a Value) -> Self {
        let tools: Arc<[Card]> = list(&house["tools"]).iter().map(card).collect();
        let profile = Profile::parse(text(&case["profile"])).unwrap();
        let streams = Streams::new(list(&case["streams"]).iter().map(|stream| Stream {
            issuer: Arc::from(text(&stream[0])),
            heard: at(whole(&stream[1])),
        }));
        let credential = credential(&case["cred"]);
        let assurance = Assurance::open(profile, level(&case["grade"]), credential, streams, at(0));
        let names = |value: &Value| {
            list(value)
                .iter()
                .map(|name| text(name).to_owned())
                .collect()
        };
        Self {
            world: World {
                policy: Policy::reference(),
                tools,
                declared: names(&house["declared"]),
                extendable: case["extendable"] == true,
                around: Around {
                    used: names(&house["seen"]),
                    ..Around::new(assurance)
                },
            },
            events: list(&case["events"]),
            name: text(&case["name"]),
        }
    }

    /// Lets it happen, and compares all that can be seen after each event; says how many there were.
    pub(crate) fn play(mut self) -> usize {
        for (index, event) in self.events.iter().enumerate() {
            let seen = self.see(event);
            let expected = in_our_words(&event["expect"]);
            assert!(
                seen == expected,
                "{}, event {index}: {event}\nseen {seen}\nand {:?}",
                self.name,
                self.world.assurance()
            );
        }
        self.events.len()
    }

    fn see(&mut self, event: &Value) -> Value {
        let seconds = whole(&event["at"]);
        let happening = happening(event);
        let told = self.world.meet(&happening, seconds);
        let mut seen = Map::new();
        if let (Some(answer), Happening::Call(asked)) = (told.answer, &happening) {
            seen = object(json!({
                "verdict": verdict(answer.leave()),
                "level": answer.level.number(),
                "required": answer.required.number(),
                "code": answer.code.name(),
                "remedy": answer.remedy().map_or("", Remedy::name),
                "sentence": answer.sentence(&asked.tool),
            }));
        }
        if let Some(commits) = told.commits {
            seen.insert("commits".to_owned(), json!(commits));
        }
        let assurance = self.world.assurance();
        seen.extend(object(json!({
            "session_level": self.world.level(seconds).number(),
            "status": assurance.status().name(),
            "latch": assurance.latch().number(),
            "strain": assurance.strain(&self.world.policy, at(seconds)),
        })));
        Value::Object(seen)
    }
}

/// The other implementation calls a rotated credential by the name of its state; we say what it means.
fn in_our_words(expected: &Value) -> Value {
    let mut expected = expected.clone();
    if let Some(Value::String(sentence)) = expected.get_mut("sentence") {
        *sentence = sentence.replace(
            "the credential is grace",
            "the credential has been rotated and is in its grace",
        );
    }
    expected
}

/// The documents' word for what may be done.
fn verdict(leave: Leave) -> &'static str {
    match leave {
        Leave::Reject => "REJECT",
        Leave::Deny => "DENY",
        Leave::Pause => "PAUSE",
        Leave::Allow => "ALLOW",
    }
}

fn happening(event: &Value) -> Happening {
    match text(&event["do"]) {
        "call" => Happening::Call(Asked {
            tool: text(&event["tool"]).to_owned(),
            args: event["args"].as_str().unwrap_or_default().to_owned(),
            amount: event["amount"].as_u64().unwrap_or_default(),
            authentic: event["authentic"].as_bool().unwrap_or(true),
            parent: parent(event),
        }),
        "commit" => Happening::Commit(parent(event)),
        "signal" => Happening::Signal(Signal::parse(text(&event["signal"])).unwrap()),
        "hard" => Happening::News {
            id: text(&event["jti"]).to_owned(),
            source: text(&event["source"]).to_owned(),
            subject: Subject::parse(text(&event["kind"])).unwrap(),
            at: whole(&event["event_ts"]),
            cap: (!event["cap"].is_null()).then(|| level(&event["cap"])),
        },
        "proof" => {
            let by = match event["human"] == true {
                true => Prover::Person,
                false => Prover::Machine,
            };
            Happening::Proof(level(&event["grade"]), by)
        }
        "approve_last" => Happening::ApproveLast,
        "refuse" => Happening::Refuse,
        "heartbeat" => Happening::Heartbeat(text(&event["issuer"]).to_owned()),
        "credential" => Happening::Credential(change(&event["set"])),
        "kill" => Happening::Kill(text(&event["cause"]).to_owned()),
        "tick" => Happening::Tick,
        other => panic!("nothing is known of {other}"),
    }
}

fn change(set: &Value) -> Change {
    let (what, value) = set.as_object().unwrap().iter().next().unwrap();
    match what.as_str() {
        "state" => Change::State(KeyState::parse(text(value)).unwrap()),
        "agents" => Change::Agents(u32::try_from(whole(value)).unwrap()),
        "human_use" => Change::HumanUse(*value == true),
        "pop" => Change::Bound(*value == true),
        "issued_at" => Change::Issued(whole(value)),
        other => panic!("nothing is known of {other}"),
    }
}

fn card(tool: &Value) -> Card {
    let name = text(&tool["name"]);
    let base = u8::try_from(whole(&tool["base"])).unwrap();
    Card {
        each_call: tool["bind"] == "call",
        sends: tool["send"] == true,
        // The documents do not say it; only how soon a second look must follow depends on it.
        pays: name == "pay",
        environment: text(&tool["env"]).to_owned(),
        hints: Hints {
            destructive: tool["hint_destructive"] == true,
            open_world: false,
        },
        limit: Decimal::from_value(&tool["amount_limit"]),
        ..Card::new(name, base, u8::try_from(whole(&tool["priv"])).unwrap())
    }
}

fn credential(cred: &Value) -> Credential {
    Credential {
        state: KeyState::parse(text(&cred["state"])).unwrap(),
        issued: at(whole(&cred["issued_at"])),
        expires: cred["expires_at"].as_i64().map(at),
        max_age: Duration::from_secs(cred["max_age"].as_u64().unwrap()),
        bound: cred["pop"] == true,
        environment: Arc::from(text(&cred["env"])),
        agents: u32::try_from(whole(&cred["agents"])).unwrap(),
        human_use: cred["human_use"] == true,
    }
}

fn parent(event: &Value) -> Level {
    event.get("parent").map_or(Level::Three, level)
}

fn level(value: &Value) -> Level {
    Level::of(u8::try_from(whole(value)).unwrap()).unwrap()
}

fn whole(value: &Value) -> i64 {
    value.as_i64().unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        other => panic!("{other} is no object"),
    }
}
