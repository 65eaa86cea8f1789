use std::fmt;

use serde::Serialize;

pub(crate) fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1_048_576.0
}

/// The least, the middle and the most of several measurements.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Spread {
    min: f64,
    pub(crate) median: f64,
    max: f64,
}

impl Spread {
    pub(crate) fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
        Self {
            min: at(0),
            median: at(values.len() / 2),
            max: at(values.len().saturating_sub(1)),
        }
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} ({:.1} to {:.1})", self.median, self.min, self.max)
    }
}

/// A figure and what it should be at most. Whether it is depends on the machine, so nothing fails
/// for it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Goal {
    name: String,
    figure: f64,
    at_most: f64,
    met: bool,
}

impl Goal {
    pub(crate) fn at_most(name: impl Into<String>, figure: f64, at_most: f64) -> Self {
        Self {
            name: name.into(),
            figure,
            at_most,
            met: figure <= at_most,
        }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let met = if self.met { "met" } else { "NOT met" };
        let Self {
            name,
            figure,
            at_most,
            ..
        } = self;
        write!(f, "{name}: {figure:.2}, at most {at_most}: {met}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_is_the_least_the_middle_and_the_most() {
        let spread = Spread::of(vec![3.0, 1.0, 2.0]);
        assert_eq!(spread.to_string(), "2.0 (1.0 to 3.0)");
    }

    #[test]
    fn a_goal_says_whether_it_is_met() {
        assert!(Goal::at_most("x", 1.0, 1.0).to_string().ends_with(": met"));
        assert!(
            Goal::at_most("x", 1.1, 1.0)
                .to_string()
                .ends_with("NOT met")
        );
    }
}
