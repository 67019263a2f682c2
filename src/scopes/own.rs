//! The guard's own files are inside no scope: an agent that could write there could change its judge.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::compile::Scopes;
use super::fault::Faults;

impl Scopes {
    /// Keeps every `path_under` away from those files and directories, which are absolute, now and in
    /// whatever is proposed in the place of these scopes.
    ///
    /// # Errors
    /// A fault for each rule with a root that holds one of them, is one, or lies inside one.
    pub fn keep_out(&mut self, own: &[PathBuf]) -> Result<(), Faults> {
        self.own = own.into();
        let mut faults = Faults::default();
        for rule in self.agents().flat_map(|scope| scope.rules()) {
            let Some(arguments) = &rule.arguments else {
                continue;
            };
            let mut roots = Vec::new();
            gather(arguments.schema(), &mut roots);
            for root in roots {
                let root = Path::new(root);
                let met = own
                    .iter()
                    .find(|own| own.starts_with(root) || root.starts_with(own.as_path()));
                if let Some(own) = met {
                    faults.add(
                        &rule.place,
                        format!(
                            "`path_under` {} reaches {}, which is the guard's own",
                            root.display(),
                            own.display()
                        ),
                        "name a narrower root, or keep the guard's files elsewhere",
                    );
                }
            }
        }
        match faults.is_empty() {
            true => Ok(()),
            false => Err(faults.sorted()),
        }
    }
}

/// The roots that a schema lets in; what stands under `not` is kept out.
fn gather<'a>(schema: &'a Value, roots: &mut Vec<&'a str>) {
    match schema {
        Value::Object(members) => {
            for (name, inner) in members.iter().filter(|(name, _)| *name != "not") {
                match name.as_str() {
                    "path_under" => {
                        let listed = inner.as_array().into_iter().flatten();
                        roots.extend(listed.filter_map(Value::as_str));
                    }
                    _ => gather(inner, roots),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| gather(item, roots)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::super::compile::Source;
    use super::*;

    fn scopes(roots: &str) -> Scopes {
        let text = format!(
            "version: 1\nagent: a\ncredentials: {{local: true}}\ntools:\n  - tool: files/read\n    privilege: read\n    \
             arguments: {{properties: {{path: {{{roots}}}}}}}\n"
        );
        let name = "a.yaml".to_owned();
        Scopes::compile(&[Source { name, text }]).unwrap()
    }

    #[test]
    fn a_root_that_meets_the_guards_own_files_is_a_fault_at_its_rule() {
        let own = ["/var/guard/data", "/opt/countersign"].map(PathBuf::from);
        for roots in [
            "[/]",
            "[/var]",
            "[/srv, /var/guard/data]",
            "[/var/guard/data/keys]",
            "[/opt]",
        ] {
            let faults = scopes(&format!("path_under: {roots}"))
                .keep_out(&own)
                .unwrap_err();
            assert_eq!(faults.len(), 1, "{roots}");
            let told = faults.to_string();
            assert!(told.starts_with("a.yaml:5:5: `path_under` /"), "{told}");
        }
    }

    #[test]
    fn other_roots_are_free_and_so_is_what_is_kept_out() {
        let own = [PathBuf::from("/var/guard/data")];
        for roots in [
            "path_under: [/srv, /var/guard/database]",
            "path_under: [/srv], not: {path_under: [/var/guard/data]}",
        ] {
            scopes(roots).keep_out(&own).unwrap();
        }
    }
}
