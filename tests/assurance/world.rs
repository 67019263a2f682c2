//! One session with its agent's tools, scope and past: what stands around the model where it is used.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use countersign::assurance::{
    Admission, Answer, Approval, Assurance, Call, Code, Credential, Declared, Hints, KeyState,
    Leave, Level, News, Origin, Policy, Profile, Stream, Streams, Subject, Tool,
};
use countersign::model::decimal::Decimal;
use countersign::model::digest::{Digest, Fields};
use countersign::model::time::Timestamp;

use super::happening::{Asked, Happening};

/// A moment, in whole seconds.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1_000)
}

/// A tool, as owned by the world.
#[derive(Clone, Debug)]
pub(crate) struct Card {
    pub(crate) name: String,
    pub(crate) base: Level,
    pub(crate) rank: u8,
    pub(crate) each_call: bool,
    pub(crate) sends: bool,
    pub(crate) pays: bool,
    pub(crate) environment: String,
    pub(crate) hints: Hints,
    pub(crate) limit: Option<Decimal>,
}

impl Card {
    pub(crate) fn new(name: &str, base: u8, rank: u8) -> Self {
        Self {
            name: name.to_owned(),
            base: Level::of(base).unwrap(),
            rank,
            each_call: false,
            sends: false,
            pays: false,
            environment: "prod".to_owned(),
            hints: Hints::default(),
            limit: None,
        }
    }
}

/// What became of a happening.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Told {
    pub(crate) answer: Option<Answer>,
    pub(crate) commits: Option<bool>,
}

/// The session, and what the guard would know beside it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Around {
    pub(crate) assurance: Assurance,
    pub(crate) used: BTreeSet<String>,
    pub(crate) highest: u8,
    /// What was called last, as far as it came to be weighed.
    pub(crate) last: Option<Digest>,
    pub(crate) admission: Option<Admission>,
}

/// All of it, with what never changes.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) policy: Policy,
    pub(crate) tools: Arc<[Card]>,
    pub(crate) declared: BTreeSet<String>,
    pub(crate) extendable: bool,
    pub(crate) around: Around,
}

pub(crate) fn credential() -> Credential {
    Credential {
        state: KeyState::Active,
        issued: at(0),
        expires: Some(at(1_000_000_000)),
        max_age: Duration::from_secs(7_776_000),
        bound: true,
        environment: Arc::from("prod"),
        agents: 1,
        human_use: false,
    }
}

pub(crate) fn streams(issuers: &[&str]) -> Streams {
    Streams::new(issuers.iter().map(|issuer| Stream {
        issuer: Arc::from(*issuer),
        heard: at(0),
    }))
}

impl Around {
    pub(crate) fn new(assurance: Assurance) -> Self {
        Self {
            assurance,
            used: BTreeSet::new(),
            highest: 1,
            last: None,
            admission: None,
        }
    }
}

impl World {
    /// The tools of the golden histories, all but one declared, all but two used before.
    pub(crate) fn open(profile: Profile, grade: Level, issuers: &[&str]) -> Self {
        let tools: Arc<[Card]> = tools().into();
        let names = |left_out: &[&str]| -> BTreeSet<String> {
            let names = tools.iter().map(|card| card.name.clone());
            names
                .filter(|name| !left_out.contains(&name.as_str()))
                .collect()
        };
        let assurance = Assurance::open(profile, grade, credential(), streams(issuers), at(0));
        let (declared, used) = (
            names(&["shell.exec"]),
            names(&["shell.exec", "files.export"]),
        );
        Self {
            policy: Policy::reference(),
            tools,
            declared,
            extendable: true,
            around: Around {
                used,
                ..Around::new(assurance)
            },
        }
    }

    pub(crate) fn agent(grade: Level) -> Self {
        Self::open(Profile::Agent, grade, &[])
    }

    pub(crate) fn assurance(&self) -> &Assurance {
        &self.around.assurance
    }

    pub(crate) fn level(&self, seconds: i64) -> Level {
        self.level_under(Level::Three, seconds)
    }

    pub(crate) fn level_under(&self, parent: Level, seconds: i64) -> Level {
        self.around
            .assurance
            .level(&self.policy, parent, at(seconds))
    }

    pub(crate) fn digest(&self, asked: &Asked) -> Digest {
        Fields::new("test")
            .field(asked.tool.as_bytes())
            .field(asked.args.as_bytes())
            .field(&asked.amount.to_be_bytes())
            .digest()
    }

    /// The call as the guard would put it to the model.
    pub(crate) fn with_call<T>(&self, asked: &Asked, then: impl FnOnce(&Call<'_>) -> T) -> T {
        let card = self
            .tools
            .iter()
            .find(|card| card.name == asked.tool)
            .unwrap();
        let amount = Decimal::parse(&asked.amount.to_string()).unwrap();
        then(&Call {
            tool: Tool {
                name: &card.name,
                base: card.base,
                rank: card.rank,
                each_call: card.each_call,
                sends: card.sends,
                pays: card.pays,
                environment: &card.environment,
                hints: card.hints,
                limit: card.limit.as_ref(),
                budget: None,
            },
            digest: self.digest(asked),
            amount: Some(&amount),
            day: None,
            declared: match (self.declared.contains(&card.name), self.extendable) {
                (true, _) => Declared::Yes,
                (false, true) => Declared::Askable,
                (false, false) => Declared::No,
            },
            used: self.around.used.contains(&card.name),
            highest: self.around.highest,
            authentic: asked.authentic,
        })
    }

    /// One call: what is allowed is remembered as used.
    pub(crate) fn call(&mut self, asked: &Asked, seconds: i64) -> Answer {
        let mut assurance = self.around.assurance.clone();
        let (answer, digest, rank) = self.with_call(asked, |call| {
            let answer = assurance.decide(&self.policy, call, asked.parent, at(seconds));
            (answer, call.digest, call.tool.rank)
        });
        let around = &mut self.around;
        around.assurance = assurance;
        if answer.leave() == Leave::Allow {
            around.used.insert(asked.tool.clone());
            around.highest = around.highest.max(rank);
            around.admission = answer.admission;
        }
        if matches!(
            answer.code,
            Code::Ok | Code::Approve | Code::StepUp | Code::Ceiling | Code::Challenges
        ) {
            around.last = Some(digest);
        }
        answer
    }

    /// A person approves a call, with a verified authenticator, for two minutes.
    pub(crate) fn approve(&mut self, digest: Digest, seconds: i64) {
        let now = at(seconds).max(self.around.assurance.clock());
        let approval = Approval {
            digest,
            until: now.after(Duration::from_secs(120)),
            proof: Level::Three,
        };
        let assurance = &mut self.around.assurance;
        assurance.approve(&self.policy, approval, now);
    }

    /// Whatever happens.
    pub(crate) fn meet(&mut self, happening: &Happening, seconds: i64) -> Told {
        let (policy, now) = (&self.policy, at(seconds));
        let assurance = &mut self.around.assurance;
        let mut told = Told::default();
        match happening {
            Happening::Call(asked) => told.answer = Some(self.call(asked, seconds)),
            Happening::Commit(parent) => {
                let admission = self.around.admission;
                told.commits = admission.map(|one| assurance.commit(policy, &one, *parent, now));
            }
            Happening::Signal(signal) => assurance.signal(policy, *signal, now),
            Happening::News {
                id,
                source,
                subject,
                at: dated,
                cap,
            } => {
                let news = news(id, source, *subject, *dated, *cap);
                assurance.hear(policy, news, now);
            }
            Happening::Proof(grade, by) => assurance.prove(policy, *grade, *by, now),
            Happening::ApproveLast => match self.around.last {
                Some(digest) => self.approve(digest, seconds),
                None => assurance.advance(policy, now),
            },
            Happening::Approve(asked) => self.approve(self.digest(asked), seconds),
            Happening::Refuse => assurance.refuse(policy, now),
            Happening::Heartbeat(issuer) => assurance.heartbeat(policy, issuer, now),
            Happening::Credential(change) => {
                let changed = change.of(assurance.credential());
                assurance.change(policy, changed, now);
            }
            Happening::Hold => assurance.hold(policy, now),
            Happening::Resume => assurance.resume(policy, now),
            Happening::Kill(cause) => assurance.kill(policy, cause, now),
            Happening::Tick => assurance.advance(policy, now),
        }
        told
    }
}

pub(crate) fn news(
    id: &str,
    source: &str,
    subject: Subject,
    dated: i64,
    cap: Option<Level>,
) -> News {
    News {
        id: Digest::of(id.as_bytes()),
        origin: Origin {
            source: Arc::from(source),
            subject,
        },
        at: at(dated),
        cap,
    }
}

/// A read, a write, an administration, a payment, an export nobody used, a tool nobody declared, a status
/// for everybody.
fn tools() -> Vec<Card> {
    let sending = |card: Card| Card {
        sends: true,
        ..card
    };
    vec![
        Card::new("docs.read", 1, 0),
        sending(Card::new("crm.update", 2, 1)),
        Card::new("iam.grant", 3, 3),
        Card {
            each_call: true,
            pays: true,
            limit: Decimal::parse("10000"),
            ..sending(Card::new("payments.transfer", 3, 0))
        },
        sending(Card::new("files.export", 2, 0)),
        Card::new("shell.exec", 3, 3),
        Card::new("status", 0, 0),
    ]
}
