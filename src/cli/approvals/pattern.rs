//! What a grant for calls like a held one would have covered, told before it is granted.

use serde_json::Value;

use super::path;
use crate::cli::failure::Failure;
use crate::cli::operator::{Operators, field, list};
use crate::cli::print;
use crate::model::text::escape;

/// Tells it, beside the answer.
pub(super) async fn preview(
    operators: &Operators,
    id: &str,
    pins: &[String],
) -> Result<(), Failure> {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(pins.iter().map(|pin| ("pin", pin)));
    let path = format!("{}/pattern?{}", path(id)?, query.finish());
    let preview = operators.get(&path).await?.body;
    let places = |name: &str| {
        let places = list(&preview, name).iter().filter_map(Value::as_str);
        escape(&places.collect::<Vec<_>>().join(" "))
    };
    print::tell(format!("stays         {}", places("pins")));
    print::tell(format!("free          {}", places("free")));
    print::tell(format!(
        "preview       {}",
        escape(field(&preview, "sentence"))
    ));
    Ok(())
}
