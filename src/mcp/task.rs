//! Names of tasks: an agent knows a task only by a name sealed for it, never by the upstream's own.

use serde_json::{Map, Value};

use super::seal::Seal;
use crate::model::call::Principal;
use crate::model::digest::Fields;
use crate::model::name::ServerName;

/// Names the tasks of one principal on one server.
pub struct TaskNames<'a> {
    seal: &'a Seal,
    binding: [u8; 32],
}

impl<'a> TaskNames<'a> {
    /// The names that this principal may use on this server.
    #[must_use]
    pub fn new(seal: &'a Seal, principal: &Principal, server: &ServerName) -> Self {
        let digest = Fields::new("countersign.task.v1")
            .field(principal.agent.as_str().as_bytes())
            .field(principal.credential.as_bytes())
            .optional(
                principal
                    .on_behalf_of
                    .as_ref()
                    .map(|user| user.as_str().as_bytes()),
            )
            .field(server.as_str().as_bytes())
            .digest();
        Self {
            seal,
            binding: *digest.as_bytes(),
        }
    }

    /// The upstream's id behind a name, if the name was given to this principal.
    #[must_use]
    pub fn resolve(&self, name: &str) -> Option<String> {
        String::from_utf8(self.seal.open(&self.binding, name)?).ok()
    }

    /// Puts names in the place of the upstream's ids, wherever a message carries one. Ids that cannot
    /// be named are taken out.
    pub fn rename(&self, message: &mut Map<String, Value>) {
        self.rename_member(message);
        if let Some(Value::Object(task)) = message.get_mut("task") {
            self.rename_member(task);
        }
        let related = message
            .get_mut("_meta")
            .and_then(Value::as_object_mut)
            .and_then(|meta| meta.get_mut(RELATED_TASK));
        if let Some(Value::Object(related)) = related {
            self.rename_member(related);
        }
    }

    fn rename_member(&self, object: &mut Map<String, Value>) {
        let Some(id) = object.get_mut(TASK_ID) else {
            return;
        };
        let name = id
            .as_str()
            .and_then(|id| self.seal.name(&self.binding, id.as_bytes()));
        *id = name.map_or(Value::Null, Value::String);
    }
}

/// The member that names a task, in parameters, results and notifications.
pub(super) const TASK_ID: &str = "taskId";
/// Key of `_meta` that ties a message to a task.
pub(super) const RELATED_TASK: &str = "io.modelcontextprotocol/related-task";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::ambient::Ambient;
    use crate::model::id::CredentialId;
    use crate::model::name::AgentName;

    #[test]
    fn a_task_is_known_only_to_the_principal_that_got_it() {
        let ambient = Ambient::system();
        let seal = Seal::new(&ambient).unwrap();
        let server = ServerName::parse("s").unwrap();
        let principal = |agent: &str| Principal {
            agent: AgentName::parse(agent).unwrap(),
            credential: CredentialId::random(&ambient),
            on_behalf_of: None,
        };
        let (me, other) = (principal("me"), principal("other"));
        let names = TaskNames::new(&seal, &me, &server);
        let mut result = json!({"resultType": "task", "taskId": "42", "status": "working"});
        names.rename(result.as_object_mut().unwrap());
        let name = result["taskId"].as_str().unwrap();
        assert_ne!(name, "42");
        assert_eq!(names.resolve(name).as_deref(), Some("42"));
        assert_eq!(TaskNames::new(&seal, &other, &server).resolve(name), None);
        assert_eq!(names.resolve("42"), None);
    }
}
