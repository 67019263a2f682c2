//! A ledger: one JSON line a payment, amounts with the digits they were ordered with.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::PathBuf;

use serde_json::{Map, Value, json};

use super::{Offer, Server, ToolFault, text};
use crate::model::json;

/// The file of payments in the ledger's folder.
pub(in crate::cli::demo) const PAYMENTS: &str = "payments.jsonl";

/// The server of payments.
pub(super) struct Ledger {
    path: PathBuf,
}

impl Ledger {
    pub(super) fn new(root: PathBuf) -> Self {
        Self {
            path: root.join(PAYMENTS),
        }
    }

    fn payments(&self) -> Result<Vec<Value>, ToolFault> {
        let broken = |_| ToolFault::Refused("the ledger has a line that is no payment".to_owned());
        let text = fs::read_to_string(&self.path)?;
        text.lines()
            .map(|line| json::parse(line.as_bytes()).map_err(broken))
            .collect()
    }

    fn pay(&self, arguments: &Map<String, Value>) -> Result<String, ToolFault> {
        let last = self.payments()?.last().map_or(0, number);
        let id = format!("p{}", last + 1);
        let amount = arguments
            .get("amount")
            .filter(|amount| amount.is_number())
            .ok_or_else(|| ToolFault::Refused("`amount` must be a number".to_owned()))?;
        let (recipient, currency) = (text(arguments, "recipient")?, text(arguments, "currency")?);
        let payment = json!({
            "id": id,
            "recipient": recipient,
            "amount": amount,
            "currency": currency,
            "memo": arguments.get("memo"),
        });
        OpenOptions::new()
            .append(true)
            .open(&self.path)?
            .write_all(format!("{payment}\n").as_bytes())?;
        Ok(format!("paid {amount} {currency} to {recipient} as {id}"))
    }

    fn delete(&self, id: &str) -> Result<String, ToolFault> {
        let payments = self.payments()?;
        let kept: Vec<String> = payments
            .iter()
            .filter(|payment| named(payment) != id)
            .map(|payment| format!("{payment}\n"))
            .collect();
        if kept.len() == payments.len() {
            return Err(ToolFault::Refused(format!("there is no payment {id}")));
        }
        fs::write(&self.path, kept.concat())?;
        Ok(format!("deleted {id}"))
    }
}

impl Server for Ledger {
    fn offers(&self) -> Vec<Offer> {
        vec![
            Offer::new("list_payments", "Lists the payments made"),
            Offer::new("pay", "Pays somebody")
                .needs("recipient", "string", "Who is paid")
                .needs("amount", "number", "How much")
                .needs("currency", "string", "Three letters")
                .takes("memo", "string", "What for"),
            Offer::new("delete_payment", "Takes a payment out of the ledger").needs(
                "id",
                "string",
                "As listed",
            ),
        ]
    }

    fn run(&self, tool: &str, arguments: &Map<String, Value>) -> Result<String, ToolFault> {
        match tool {
            "list_payments" => {
                let lines: Vec<String> = self.payments()?.iter().map(Value::to_string).collect();
                Ok(lines.join("\n"))
            }
            "pay" => self.pay(arguments),
            "delete_payment" => self.delete(text(arguments, "id")?),
            other => Err(ToolFault::Unknown(other.to_owned())),
        }
    }
}

fn named(payment: &Value) -> &str {
    payment
        .get("id")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn number(payment: &Value) -> u64 {
    let digits = named(payment).trim_start_matches('p');
    digits.parse().unwrap_or(0)
}
