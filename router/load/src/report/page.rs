//! The report as a page: charts, a table and the findings, in one file.

use std::fmt::Write;

use super::chart::{Chart, Curve, STYLE, escape};
use super::{Check, Report};
use crate::display::millis;
use crate::recorder::{FindingKind, Second, StepFigures};

const PAGE_STYLE: &str = "
body{margin:2rem auto;max-width:64rem;padding:0 1rem;font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper)}
h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem}dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1.5rem}dt{color:var(--soft)}dd{margin:0}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}th,td{padding:.25rem .6rem;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}
th:first-child,td:first-child{text-align:left}svg{width:100%;height:auto;margin:.8rem 0;border:1px solid var(--line);border-radius:6px}
pre{white-space:pre-wrap;overflow-wrap:anywhere;background:color-mix(in srgb,var(--line) 35%,transparent);padding:.6rem;border-radius:6px}
.bad{color:var(--c2);font-weight:600}.good{color:var(--c3);font-weight:600}";

/// Returns the page.
pub(super) fn page(report: &Report) -> String {
    let mut html = String::new();
    // Writing into a string cannot fail.
    let _ = write_page(&mut html, report);
    html
}

fn write_page(html: &mut String, report: &Report) -> std::fmt::Result {
    write!(
        html,
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <meta name=\"color-scheme\" content=\"light dark\"><title>Load test of {target}</title>\
         <style>{STYLE}{PAGE_STYLE}</style></head><body><main><h1>Load test of {target}</h1>",
        target = escape(&report.plan.target)
    )?;
    write_summary(html, report)?;
    write_charts(html, &report.recording.seconds)?;
    write_steps(html, &report.recording.steps)?;
    write_checks(html, &report.checks)?;
    write_findings(html, report)?;
    html.write_str("</main></body></html>\n")
}

fn write_summary(html: &mut String, report: &Report) -> std::fmt::Result {
    let (totals, lost) = (&report.recording.totals, &report.recording.lost);
    let verdict = if report.clean {
        "<span class=\"good\">No wrong answers, no errors</span>".to_owned()
    } else {
        format!(
            "<span class=\"bad\">{} wrong answers, {} errors</span>",
            totals.wrong, totals.errors
        )
    };
    let rows = [
        ("Result", verdict),
        ("Users at once", report.plan.users.to_string()),
        ("Duration", format!("{:.0} s", report.elapsed_seconds)),
        (
            "Lives",
            format!("{} complete, {} abandoned", report.lives, report.lives_abandoned),
        ),
        (
            "Requests",
            format!("{} ({:.0} per second)", totals.requests, report.throughput()),
        ),
        (
            "Latency",
            format!(
                "p50 {:.1} ms, p95 {:.1} ms, p99 {:.1} ms, longest {:.1} ms",
                millis(totals.p50_us),
                millis(totals.p95_us),
                millis(totals.p99_us),
                millis(totals.max_us)
            ),
        ),
        ("Expected refusals", totals.refused.to_string()),
        ("Shed and repeated", totals.shed.to_string()),
        (
            "Without a whole answer",
            format!(
                "{} connections refused, {} requests unanswered, {} answers cut, {} late",
                lost.refused, lost.unanswered, lost.cut, lost.late
            ),
        ),
        ("Outcome unknown", report.recording.unknown_outcomes.to_string()),
        ("Seed", report.plan.seed.to_string()),
    ];
    html.write_str("<dl>")?;
    for (name, value) in rows {
        write!(html, "<dt>{name}</dt><dd>{value}</dd>")?;
    }
    html.write_str("</dl>")
}

fn write_charts(html: &mut String, seconds: &[Second]) -> std::fmt::Result {
    let over_time = |value: fn(&Second) -> f64| -> Vec<(f64, f64)> {
        seconds.iter().map(|second| (second.at, value(second))).collect()
    };
    html.write_str("<h2>Over time</h2>")?;
    let latency = [
        Curve::solid("p50", 0, over_time(|second| millis(second.p50_us))),
        Curve::solid("p95", 1, over_time(|second| millis(second.p95_us))),
        Curve::solid("p99", 2, over_time(|second| millis(second.p99_us))),
    ];
    let throughput = [Curve::solid("requests", 0, over_time(|second| second.requests as f64))];
    let errors = [
        Curve::solid("errors", 2, over_time(|second| second.errors as f64)),
        Curve::solid("shed", 1, over_time(|second| second.shed as f64)),
    ];
    let memory = seconds
        .iter()
        .filter_map(|second| Some((second.at, second.memory_bytes? as f64 / f64::from(1 << 20))));
    let memory = [Curve::solid("resident", 3, memory.collect())];
    let mut charts = vec![
        ("Latency, ms", &latency[..]),
        ("Requests per second", &throughput[..]),
        ("Errors and shed requests per second", &errors[..]),
    ];
    if !memory[0].points.is_empty() {
        charts.push(("Memory of the server, MiB", &memory[..]));
    }
    for (title, curves) in charts {
        let chart = Chart {
            title,
            x_title: "seconds",
            curves,
        };
        html.write_str(&chart.svg(false))?;
    }
    Ok(())
}

fn write_steps(html: &mut String, steps: &[StepFigures]) -> std::fmt::Result {
    html.write_str(
        "<h2>Steps</h2><div class=\"scroll\"><table><thead><tr><th>step</th><th>answered</th><th>refused</th><th>shed</th>\
         <th>errors</th><th>wrong</th><th>p50 ms</th><th>p95 ms</th><th>p99 ms</th><th>max ms</th></tr></thead><tbody>",
    )?;
    for step in steps {
        write!(
            html,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{:.1}</td><td>{:.1}</td><td>{:.1}</td><td>{:.1}</td></tr>",
            escape(&step.step),
            step.answered,
            step.refused,
            step.shed,
            step.errors,
            step.wrong,
            millis(step.p50_us),
            millis(step.p95_us),
            millis(step.p99_us),
            millis(step.max_us)
        )?;
    }
    html.write_str("</tbody></table></div>")
}

fn write_checks(html: &mut String, checks: &[Check]) -> std::fmt::Result {
    html.write_str("<h2>Sums over all users</h2><dl>")?;
    for check in checks {
        let verdict = match (check.is_right, check.proves) {
            (true, _) => "<span class=\"good\">add up</span>".to_owned(),
            (false, true) => format!("<span class=\"bad\">{}</span>", escape(&check.differences.join("; "))),
            (false, false) => "differ, and the outcome of some changes is unknown".to_owned(),
        };
        write!(html, "<dt>{}</dt><dd>{verdict}</dd>", escape(&check.name))?;
    }
    html.write_str("</dl>")
}

fn write_findings(html: &mut String, report: &Report) -> std::fmt::Result {
    if report.recording.findings.is_empty() {
        return Ok(());
    }
    html.write_str("<h2>Wrong answers and errors</h2>")?;
    for finding in &report.recording.findings {
        let kind = match finding.kind {
            FindingKind::WrongAnswer => "wrong answer",
            FindingKind::Error => "error",
        };
        write!(
            html,
            "<details><summary><span class=\"bad\">{kind}</span> at {:.1} s, {}: {}</summary><pre>{}</pre><pre>{}</pre></details>",
            finding.at_seconds,
            escape(finding.step),
            escape(&finding.message),
            escape(&finding.request),
            escape(&finding.answer)
        )?;
    }
    Ok(())
}
