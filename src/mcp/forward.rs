//! A call on both sides of its upstream: rebuilt on the way there, screened on the way back.

use serde_json::{Value, json};

use super::asked::{self, Asked, Envelope};
use super::dialect::Era;
use super::dialect::code::URL_ELICITATION;
use super::proxy::Pass;
use super::render::{self, Answer};
use super::task::TASK_ID;
use super::turn::Turn;
use super::upstream::{LinkError, Outgoing, Params};
use super::{elicitation, mirror, voice};
use crate::guard::Denial;
use crate::model::call::Call;
use crate::model::outcome::Outcome;
use crate::model::reason::Reason;
use crate::model::target::TargetKind;

impl Turn<'_> {
    pub(super) fn check_mirror(&self, asked: &Asked) -> Result<(), String> {
        let Some(headers) = &self.carried.headers else {
            return Ok(());
        };
        let Some(tool) = self.edge().guard.catalog().tool(&asked.target) else {
            return Ok(());
        };
        match tool.definition.get("inputSchema") {
            Some(schema) => mirror::verify(schema, asked.arguments.value(), headers)
                .map_err(|fault| fault.to_string()),
            None => Ok(()),
        }
    }

    /// The call as the upstream gets it: our envelope around the very bytes that were judged.
    pub(super) fn rebuild(&self, call: &Call, envelope: &Envelope) -> Outgoing {
        let mut rest = asked::rebuild(envelope, &call.extras);
        let target = &call.target;
        let params = match target.kind {
            TargetKind::Tool | TargetKind::Prompt => Params::Guarded {
                name: target.name.to_string(),
                arguments: call.arguments.canonical().clone(),
                rest,
            },
            TargetKind::Resource => {
                rest.insert("uri".to_owned(), json!(&*target.name));
                Params::Plain(rest)
            }
            TargetKind::Method => {
                if let Value::Object(arguments) = call.arguments.value() {
                    rest.extend(arguments.clone());
                }
                let task = rest.get(TASK_ID).and_then(Value::as_str);
                if let Some(id) = task.and_then(|name| self.relation.tasks().resolve(name)) {
                    rest.insert(TASK_ID.to_owned(), Value::String(id));
                }
                Params::Plain(rest)
            }
        };
        let mut outgoing = self.outgoing(params);
        if self.relation.era == Era::Modern
            && let Some(tool) = self.edge().guard.catalog().tool(target)
            && let Some(schema) = tool.definition.get("inputSchema")
        {
            // A tool whose marks are doubtful is no known tool, so there is no fault here.
            outgoing.headers = mirror::headers(schema, call.arguments.value()).unwrap_or_default();
        }
        outgoing
    }

    /// The upstream's answer to a call, as the agent gets it.
    pub(super) fn finish(&self, call: &Call, pass: Pass, result: Answer) -> Answer {
        let mut result = match result {
            // Only the older era knows this error, and it sends a person to an address.
            Err(error) if error.code == URL_ELICITATION => {
                let screened = elicitation::screen_error(self.relation, error);
                return Err(screened
                    .unwrap_or_else(|refusal| render::refused(Reason::MethodRefused, &refusal)));
            }
            Err(error) => return Err(error),
            Ok(result) => result,
        };
        voice::reserve(&mut result);
        let Value::Object(object) = &mut result else {
            return Ok(result);
        };
        if self.relation.era == Era::Legacy {
            self.relation.tasks().rename(object);
            return Ok(result);
        }
        match object.get("resultType").and_then(Value::as_str) {
            Some("task") => self.relation.tasks().rename(object),
            Some("input_required") => {
                if let Err(text) = self.ask(pass, object) {
                    let denial = Denial::new(Reason::MethodRefused, text).of(call.id);
                    return render::denial(self.relation.era, &call.target, &denial);
                }
            }
            _ => {}
        }
        Ok(result)
    }
}

/// What became of a call that was answered.
pub(super) fn judge(result: &Answer) -> (Outcome, Option<String>) {
    match result {
        Ok(result) if result.get("isError") == Some(&Value::Bool(true)) => (
            Outcome::Failed,
            Some("the tool answered with an error".to_owned()),
        ),
        Ok(_) => (Outcome::Done, None),
        Err(error) => (
            Outcome::Failed,
            Some(format!("{}: {}", error.code, error.message)),
        ),
    }
}

/// A fault with its cause, for the record.
pub(super) fn describe(fault: &LinkError) -> String {
    match std::error::Error::source(fault) {
        Some(source) => format!("{fault}: {source}"),
        None => fault.to_string(),
    }
}
