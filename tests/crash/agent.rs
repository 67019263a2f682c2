//! An agent under load: it reads, pays, and repeats an identical call as long as it is told to.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;

use super::chance::Chance;
use super::client::{Client, Door, Said};
use super::told::Told;

/// One agent with its key, its way in and its own chance.
pub(crate) struct Agent {
    pub(crate) name: String,
    pub(crate) server: &'static str,
    pub(crate) client: Client,
    pub(crate) chance: Chance,
    pub(crate) told: Arc<Mutex<Told>>,
    pub(crate) door: watch::Receiver<Option<Door>>,
}

impl Agent {
    /// Calls until it is aborted.
    pub(crate) async fn work(mut self) {
        for count in 0_u64.. {
            let nonce = format!("nonce:{}:{count}", self.name);
            match self.chance.below(10) {
                0..4 => {
                    self.pursue("look", &nonce, json!({"nonce": nonce}), true, false)
                        .await;
                }
                kind => {
                    let (low, most) = match kind {
                        4..8 => (1, IN_SCOPE),
                        _ => (IN_SCOPE + 1, 4),
                    };
                    let amount = low + self.chance.below(most);
                    let arguments = json!({"nonce": nonce, "amount": amount});
                    let in_scope = amount <= IN_SCOPE;
                    self.pursue("pay", &nonce, arguments, in_scope, amount == SEVERAL)
                        .await;
                }
            }
        }
    }

    /// Asks until there is an end. What broke off is repeated only where a person has to decide: a
    /// payment inside the scope might run a second time, as any new call would.
    async fn pursue(
        &mut self,
        tool: &str,
        nonce: &str,
        arguments: Value,
        in_scope: bool,
        several: bool,
    ) {
        for _ in 0..ASKS_COUNT {
            let Some(door) = self.door().await else {
                return;
            };
            {
                let mut told = self.told.lock().unwrap();
                let asked = told.asked.entry(nonce.to_owned()).or_default();
                asked.in_scope = in_scope;
                asked.asks += 1;
            }
            let said = self
                .client
                .ask(&door, self.server, tool, nonce, &arguments)
                .await;
            self.note(nonce, &said);
            match said {
                Said::Ran(_) if several => {}
                Said::Broken if !in_scope => {}
                Said::Held { .. } => {}
                Said::Ran(_) | Said::Broken | Said::Refused { .. } => break,
            }
            let pause = Duration::from_millis(10 + self.chance.below(40));
            tokio::time::sleep(pause).await;
        }
        tokio::time::sleep(Duration::from_millis(self.chance.below(10))).await;
    }

    fn note(&self, nonce: &str, said: &Said) {
        let mut told = self.told.lock().unwrap();
        let told = &mut *told;
        told.answers += u64::from(!matches!(said, Said::Broken));
        let asked = told.asked.entry(nonce.to_owned()).or_default();
        match said {
            Said::Ran(call) => {
                asked.ran += 1;
                asked.ran_calls.extend(call.clone());
                told.calls.extend(call.clone());
            }
            Said::Held { call, approval } => {
                asked.refusals += 1;
                told.calls.extend(call.clone());
                told.holds.extend(approval.clone());
            }
            Said::Refused { call } => {
                asked.refusals += 1;
                told.calls.extend(call.clone());
            }
            Said::Broken => {}
        }
    }

    /// Where the guard listens, once it does; `None` when the loop is over.
    async fn door(&mut self) -> Option<Door> {
        let door = self.door.wait_for(Option::is_some).await.ok()?;
        door.clone()
    }
}

/// Up to here a payment is inside the scope.
pub(crate) const IN_SCOPE: u64 = 10;
/// A payment of this amount is refused by every operator.
pub(crate) const NEVER: u64 = 13;
/// A payment of this amount is approved for several uses.
pub(crate) const SEVERAL: u64 = 14;
const ASKS_COUNT: usize = 40;
