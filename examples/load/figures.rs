//! Figures: medians over rounds, what they are held against, and how they are printed.

use serde::{Deserialize, Serialize};

/// One row of the bars.
#[derive(Serialize, Deserialize)]
pub(crate) struct Row {
    /// Which bar, for example `P5`.
    bar: String,
    /// What was measured.
    measure: String,
    /// The median of the rounds.
    value: f64,
    unit: String,
    /// How far the rounds lie from it, in per cent; nothing where there was one round.
    noise: Option<f64>,
    /// What stands beside it in the same run, in the same unit.
    beside: Option<Beside>,
    /// The median over the rounds of the figure in parts of what stands beside it.
    ratio: Option<f64>,
    /// The bar: what the ratio, or the figure where nothing stands beside it, has to be.
    at_most: Option<f64>,
    at_least: Option<f64>,
    /// Whether it is.
    meets: Option<bool>,
}

#[derive(Serialize, Deserialize)]
struct Beside {
    what: String,
    value: f64,
}

impl Row {
    /// A figure, measured once or in rounds.
    pub(crate) fn new(bar: &str, measure: &str, unit: &str, rounds: &[f64]) -> Self {
        Self {
            bar: bar.to_owned(),
            measure: measure.to_owned(),
            value: rounded(median(rounds)),
            unit: unit.to_owned(),
            noise: (rounds.len() > 1).then(|| rounded(noise(rounds))),
            beside: None,
            ratio: None,
            at_most: None,
            at_least: None,
            meets: None,
        }
    }

    /// Puts beside it what was measured in turn with it, round by round.
    pub(crate) fn beside(mut self, what: &str, rounds: &[f64], others: &[f64]) -> Self {
        let ratios: Vec<_> = rounds
            .iter()
            .zip(others)
            .map(|(one, other)| one / other)
            .collect();
        let (what, value) = (what.to_owned(), rounded(median(others)));
        self.beside = Some(Beside { what, value });
        self.ratio = Some(rounded(median(&ratios)));
        self
    }

    /// Holds it against the most it may be.
    pub(crate) fn most(mut self, most: f64) -> Self {
        self.at_most = Some(rounded(most));
        self.meets = Some(self.judged() <= most);
        self
    }

    /// Holds it against the least it may be.
    pub(crate) fn least(mut self, least: f64) -> Self {
        self.at_least = Some(rounded(least));
        self.meets = Some(self.judged() >= least);
        self
    }

    fn judged(&self) -> f64 {
        self.ratio.unwrap_or(self.value)
    }

    /// As a line of the table.
    pub(crate) fn line(&self) -> String {
        let noise = self.noise.map(|noise| format!("±{noise:.0} %"));
        let beside = self
            .beside
            .as_ref()
            .map(|beside| format!("{} {}", beside.what, short(beside.value)));
        let ratio = self.ratio.map(|ratio| format!("× {ratio:.2}"));
        let most = self.at_most.map(|most| format!("≤ {}", short(most)));
        let least = self.at_least.map(|least| format!("≥ {}", short(least)));
        let word = match self.meets {
            Some(true) => "meets",
            Some(false) => "MISSES",
            None => "",
        };
        format!(
            "{:<4}{:<62}{:>9} {:<9}{:<7}{:<34}{:<8}{:<9}{word}",
            self.bar,
            self.measure,
            short(self.value),
            self.unit,
            noise.unwrap_or_default(),
            beside.unwrap_or_default(),
            ratio.unwrap_or_default(),
            most.or(least).unwrap_or_default(),
        )
    }
}

/// The value at a share of the sorted ones, 0.5 for the median.
pub(crate) fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a place in a list"
    )]
    let at = (values.len() as f64 * share) as usize;
    values[at.min(values.len() - 1)]
}

/// The middle of the rounds.
pub(crate) fn median(rounds: &[f64]) -> f64 {
    quantile(&mut rounds.to_vec(), 0.5)
}

/// Half of how far the rounds lie apart, in per cent of their median.
fn noise(rounds: &[f64]) -> f64 {
    let mut rounds = rounds.to_vec();
    let middle = quantile(&mut rounds, 0.5);
    50.0 * (rounds[rounds.len() - 1] - rounds[0]) / middle
}

fn rounded(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}

fn short(value: f64) -> String {
    match value.abs() {
        large if large >= 1_000.0 => format!("{value:.0}"),
        medium if medium >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}
