//! Whether a run fires, and into how many alerts its rows go.

use crate::{Comparison, EventGrouping, Kind, Rule};

/// Rows of the answer that make one alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Group {
    /// The first of them.
    pub(super) first: usize,
    /// How many.
    pub(super) count: usize,
    /// Whether it stands for all rows because there were too many for an alert each.
    pub(super) is_summary: bool,
}

/// Alerts of a run of a scheduled rule at most.
const ALERTS_MAX: usize = 150;
/// Alerts of a run of an NRT rule at most.
const NRT_ALERTS_MAX: usize = 30;

/// Whether that many rows fire.
pub(super) fn fires(rule: &Rule, n_rows: usize) -> bool {
    if rule.kind != Kind::Scheduled {
        return n_rows > 0;
    }
    let operator = rule.trigger_operator.as_ref().map_or(Comparison::GreaterThan, |it| it.value);
    operator.holds(n_rows, rule.trigger_threshold.as_ref().map_or(0, |it| it.value))
}

/// The rows of each alert of a run that fires.
pub(super) fn groups(rule: &Rule, n_rows: usize) -> Vec<Group> {
    let all = |is_summary| Group { first: 0, count: n_rows, is_summary };
    let one = |first| Group { first, count: 1, is_summary: false };
    if n_rows == 0 {
        return vec![all(false)];
    }
    if rule.kind == Kind::CustomDetection {
        return (0..n_rows.min(ALERTS_MAX)).map(one).collect();
    }
    if rule.event_grouping.as_ref().map_or(EventGrouping::SingleAlert, |it| it.value) == EventGrouping::SingleAlert {
        return vec![all(false)];
    }
    let most = if rule.kind == Kind::Nrt { NRT_ALERTS_MAX } else { ALERTS_MAX };
    if n_rows <= most {
        return (0..n_rows).map(one).collect();
    }
    // The last alert is one of all rows, also of those that have an alert already.
    let mut out: Vec<Group> = (0..most - 1).map(one).collect();
    out.push(all(true));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(text: &str) -> Rule {
        crate::read("r.yaml", format!("query: T\n{text}").as_bytes()).rules.remove(0)
    }

    #[test]
    fn thresholds() {
        let it = rule("queryFrequency: 1h\ntriggerOperator: lt\ntriggerThreshold: 2\n");
        assert_eq!((fires(&it, 0), fires(&it, 1), fires(&it, 2)), (true, true, false));
        let it = rule("kind: NRT\ntriggerOperator: lt\ntriggerThreshold: 2\n");
        assert_eq!((fires(&it, 0), fires(&it, 5)), (false, true));
        assert_eq!((fires(&rule("severity: Low"), 0), fires(&rule("severity: Low"), 1)), (false, true));
    }

    #[test]
    fn an_alert_for_each_row_has_a_bound() {
        let it = rule("severity: Low\neventGroupingSettings: {aggregationKind: AlertPerResult}\n");
        assert_eq!(groups(&it, 150).len(), 150);
        let many = groups(&it, 151);
        assert_eq!(
            (many.len(), many[148].first, many[149].clone()),
            (150, 148, Group { first: 0, count: 151, is_summary: true })
        );
        assert_eq!(groups(&it, 0), [Group { first: 0, count: 0, is_summary: false }]);
        let it = rule("kind: NRT\neventGroupingSettings: {aggregationKind: AlertPerResult}\n");
        assert_eq!((groups(&it, 30).len(), groups(&it, 31).len(), groups(&it, 31)[29].is_summary), (30, 30, true));
        assert_eq!(groups(&rule("severity: Low"), 7).len(), 1);
    }
}
