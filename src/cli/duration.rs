//! Lengths of time as people write them: a number with its unit.

use std::time::Duration;

/// Reads `30s`, `15m`, `12h` or `90d`.
pub(super) fn parse(text: &str) -> Result<Duration, String> {
    let fault = || format!("{text:?} is no length of time; write for example 30s, 15m, 12h or 90d");
    let unit = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(fault)?;
    let (digits, unit) = text.split_at_checked(unit).ok_or_else(fault)?;
    let amount: u64 = digits.parse().map_err(|_| fault())?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(fault()),
    };
    match amount.checked_mul(seconds) {
        Some(seconds) if seconds > 0 => Ok(Duration::from_secs(seconds)),
        _ => Err(fault()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_needs_its_unit_and_is_not_zero() {
        assert_eq!(parse("15m"), Ok(Duration::from_secs(900)));
        for text in ["15", "m", "0s", "1w", "-1s", "1 s", ""] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }
}
