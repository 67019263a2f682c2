//! The same rules in Cedar and in Rego, each in the form in which its engine is fastest: one policy, with
//! the tools as attributes and data, amounts in whole cents, and the request built beforehand.
//!
//! They answer less: neither looks at a tool's own schema, at history or at assurance, nor tells why.

use std::collections::HashMap;

use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityUid, PolicySet, Request,
    RestrictedExpression,
};
use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::vm::RegoVM;
use regorus::{Engine, Value};

use super::arguments::ARGUMENTS;

/// Cedar's authorizer with what it is asked.
pub(crate) struct Cedar {
    authorizer: Authorizer,
    policies: PolicySet,
    tools: Entities,
    request: Request,
}

impl Cedar {
    /// With so many tools.
    pub(crate) fn with(rules: usize) -> Self {
        let number = |value| RestrictedExpression::new_long(value);
        let tool = |at| {
            let text = |value: String| RestrictedExpression::new_string(value);
            let attributes = HashMap::from([
                ("maximum".to_owned(), number(9_900)),
                ("name".to_owned(), text(format!("t{at}"))),
            ]);
            Entity::new(uid(&format!("Tool::\"s/t{at}\"")), attributes, [].into()).unwrap()
        };
        let context = Context::from_pairs([("amount".to_owned(), number(4_850))]).unwrap();
        let request = Request::new(
            uid("Agent::\"clerk\""),
            uid("Action::\"call\""),
            uid(&format!("Tool::\"s/t{}\"", rules / 2)),
            context,
            None,
        );
        Self {
            authorizer: Authorizer::new(),
            policies: CEDAR.parse().unwrap(),
            tools: Entities::from_entities((0..rules).map(tool), None).unwrap(),
            request: request.unwrap(),
        }
    }

    /// Decides the call.
    pub(crate) fn decide(&self) -> Decision {
        let answer = self
            .authorizer
            .is_authorized(&self.request, &self.policies, &self.tools);
        assert_eq!(answer.decision(), Decision::Allow);
        answer.decision()
    }
}

/// The machine of regorus with what it is asked.
pub(crate) struct Rego {
    machine: RegoVM,
    input: Value,
}

impl Rego {
    /// With so many tools.
    pub(crate) fn with(rules: usize) -> Self {
        let tools: Vec<_> = (0..rules)
            .map(|at| format!(r#""t{at}": {{"maximum": 99}}"#))
            .collect();
        let tools = format!(r#"{{"tools": {{{}}}}}"#, tools.join(","));
        let input = format!(r#"{{"tool": "t{}", "arguments": {ARGUMENTS}}}"#, rules / 2);
        let mut engine = Engine::new();
        engine
            .add_policy("clerk.rego".to_owned(), REGO.to_owned())
            .unwrap();
        let compiled = engine.compile_with_entrypoint(&ENTRY.into()).unwrap();
        let mut machine = RegoVM::new();
        machine.load_program(Compiler::compile_from_policy(&compiled, &[ENTRY]).unwrap());
        machine
            .set_data(Value::from_json_str(&tools).unwrap())
            .unwrap();
        let input = Value::from_json_str(&input).unwrap();
        Self { machine, input }
    }

    /// Decides the call.
    pub(crate) fn decide(&mut self) -> Value {
        self.machine.set_input(self.input.clone());
        let answer = self.machine.execute().unwrap();
        assert_eq!(answer, Value::from(true));
        answer
    }
}

const CEDAR: &str = r#"
permit (principal == Agent::"clerk", action == Action::"call", resource)
when { resource has maximum && context.amount <= resource.maximum };
forbid (principal, action, resource)
when { resource has name && resource.name like "delete_*" };
"#;

const ENTRY: &str = "data.clerk.allow";

const REGO: &str = r#"
package clerk
import rego.v1

default allow := false

allow if {
    not startswith(input.tool, "delete_")
    input.arguments.amount <= data.tools[input.tool].maximum
}
"#;

fn uid(text: &str) -> EntityUid {
    text.parse().unwrap()
}
