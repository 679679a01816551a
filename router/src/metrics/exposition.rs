//! The text format of Prometheus, version 0.0.4.

use std::fmt::Write;

use meters::Distribution;

use super::catalogue::{Metric, MetricKind};

/// The media type of the text.
pub const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The unit that the values of a distribution are recorded in.
#[derive(Clone, Copy)]
pub enum Unit {
    /// Microseconds; they are written as seconds, with all their digits.
    Microseconds,
    /// Things; they are written as they are.
    One,
}

/// A text that is being written, metric by metric.
#[derive(Default)]
pub struct Exposition {
    text: String,
}

/// A metric whose samples are being written.
pub struct Samples<'e> {
    text: &'e mut String,
    metric: &'static Metric,
}

/// The labels of a sample: constant names with values out of this program or its settings.
pub type Labels<'l> = [(&'static str, &'l str)];

impl Exposition {
    /// Begins a metric. All of its samples follow each other.
    pub fn metric(&mut self, metric: &'static Metric) -> Samples<'_> {
        let Metric { name, kind, help, .. } = metric;
        let kind = kind.as_str();
        // Writing to a text never fails.
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        Samples {
            text: &mut self.text,
            metric,
        }
    }

    /// Writes a metric that has one sample.
    pub fn value(&mut self, metric: &'static Metric, value: impl std::fmt::Display) {
        self.metric(metric).value(&[], value);
    }

    /// Returns the text.
    pub fn into_text(self) -> String {
        self.text
    }
}

impl Samples<'_> {
    /// Writes a sample of a counter or a gauge.
    pub fn value(&mut self, labels: &Labels<'_>, value: impl std::fmt::Display) {
        debug_assert_ne!(self.metric.kind, MetricKind::Histogram);
        self.sample("", labels, None, value);
    }

    /// Writes a distribution.
    pub fn distribution(&mut self, labels: &Labels<'_>, distribution: &Distribution, unit: Unit) {
        debug_assert_eq!(self.metric.kind, MetricKind::Histogram);
        let mut below = 0;
        for (bound, count) in distribution.bounds.iter().zip(&distribution.counts) {
            below += count;
            self.sample("_bucket", labels, Some(&in_unit(*bound, unit)), below);
        }
        // Counted while requests run, so the total is the sum of the buckets and nothing else.
        let all = below + distribution.beyond;
        self.sample("_bucket", labels, Some("+Inf"), all);
        self.sample("_sum", labels, None, in_unit(distribution.sum, unit));
        self.sample("_count", labels, None, all);
    }

    fn sample(&mut self, suffix: &str, labels: &Labels<'_>, bound: Option<&str>, value: impl std::fmt::Display) {
        self.text.push_str(self.metric.name);
        self.text.push_str(suffix);
        let labels = labels.iter().copied().chain(bound.map(|bound| ("le", bound)));
        for (place, (name, value)) in labels.clone().enumerate() {
            debug_assert!(name == "le" || self.metric.labels.contains(&name), "{name} is no label");
            self.text.push(if place == 0 { '{' } else { ',' });
            self.text.push_str(name);
            self.text.push_str("=\"");
            self.label_value(value);
            self.text.push('"');
        }
        if labels.count() > 0 {
            self.text.push('}');
        }
        let _ = writeln!(self.text, " {value}");
    }

    fn label_value(&mut self, value: &str) {
        for character in value.chars() {
            match character {
                '\\' => self.text.push_str("\\\\"),
                '"' => self.text.push_str("\\\""),
                '\n' => self.text.push_str("\\n"),
                other => self.text.push(other),
            }
        }
    }
}

fn in_unit(value: u64, unit: Unit) -> String {
    match unit {
        Unit::One => value.to_string(),
        Unit::Microseconds => seconds(value),
    }
}

/// Returns microseconds as seconds, without the rounding of a float.
pub fn seconds(microseconds: u64) -> String {
    let (whole, part) = (microseconds / 1_000_000, microseconds % 1_000_000);
    if part == 0 {
        return whole.to_string();
    }
    let text = format!("{whole}.{part:06}");
    text.trim_end_matches('0').to_owned()
}

#[cfg(test)]
mod tests {
    use meters::Histogram;

    use super::*;
    use crate::metrics::METRICS;

    fn metric(kind: MetricKind) -> &'static Metric {
        METRICS
            .iter()
            .find(|metric| metric.kind == kind && !metric.labels.is_empty())
            .expect("one of each kind")
    }

    #[test]
    fn a_distribution_is_cumulative_and_in_seconds() {
        let metric = metric(MetricKind::Histogram);
        let histogram = Histogram::new(&[10, 2_500_000]);
        for value in [5, 10, 11, 9_000_000] {
            histogram.record(value);
        }
        let mut out = Exposition::default();
        let label = metric.labels[0];
        out.metric(metric)
            .distribution(&[(label, "a")], &histogram.distribution(), Unit::Microseconds);
        let (name, text) = (metric.name, out.into_text());
        let lines: Vec<_> = text.lines().skip(2).collect();
        let expected = [
            format!("{name}_bucket{{{label}=\"a\",le=\"0.00001\"}} 2"),
            format!("{name}_bucket{{{label}=\"a\",le=\"2.5\"}} 3"),
            format!("{name}_bucket{{{label}=\"a\",le=\"+Inf\"}} 4"),
            format!("{name}_sum{{{label}=\"a\"}} 9.000026"),
            format!("{name}_count{{{label}=\"a\"}} 4"),
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn a_label_cannot_break_its_line() {
        let metric = metric(MetricKind::Counter);
        let mut out = Exposition::default();
        out.metric(metric).value(&[(metric.labels[0], "a\"b\\c\nd")], 1);
        let text = out.into_text();
        assert!(text.ends_with("=\"a\\\"b\\\\c\\nd\"} 1\n"), "{text}");
    }
}
