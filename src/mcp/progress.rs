//! Progress that the guard began must go on rising when the upstream's own follows.

use serde_json::{Map, Number, Value};

/// Raises `progress` and `total` of an upstream's notification by what the guard told before.
pub(super) fn shift(params: &mut Map<String, Value>, told: u64) {
    if told == 0 {
        return;
    }
    for member in ["progress", "total"] {
        if let Some(Value::Number(number)) = params.get_mut(member) {
            *number = plus(number, told);
        }
    }
}

fn plus(number: &Number, told: u64) -> Number {
    let whole = number
        .as_i64()
        .zip(i64::try_from(told).ok())
        .and_then(|(number, told)| number.checked_add(told));
    if let Some(whole) = whole {
        return Number::from(whole);
    }
    #[expect(clippy::cast_precision_loss, reason = "signs of progress are few")]
    let sum = number.as_f64().map(|number| number + told as f64);
    sum.and_then(Number::from_f64)
        .unwrap_or_else(|| number.clone())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_upstreams_progress_goes_on_from_the_guards() {
        let mut params = json!({"progress": 0, "total": 10.5, "message": "x"});
        shift(params.as_object_mut().unwrap(), 3);
        assert_eq!(
            params,
            json!({"progress": 3, "total": 13.5, "message": "x"})
        );
    }
}
