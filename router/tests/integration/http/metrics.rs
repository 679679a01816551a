//! The document that lists the metrics.

use agora::metrics;

const INTRODUCTION: &str = "\
# Metrics

<!-- Generated from `router/src/metrics/catalogue.rs`: UPDATE_SCHEMAS=1 cargo test --workspace --test http page_of_metrics -->

`GET /metrics` answers in the text format of Prometheus. On the main address it answers operators, and callers on this machine as
[open REST routes](RUNNING.md#open-rest-routes) do. With `--metrics-listen 9464` the metrics have a port of their own instead, on
`127.0.0.1`, without a token; `--metrics-listen 0.0.0.0:9464` opens it to the network.

```yaml
# prometheus.yml
scrape_configs:
  - job_name: agora
    static_configs: [{ targets: [\"127.0.0.1:9464\"] }]
rule_files: [alerts.yaml]
```

[deploy/observability](../deploy/observability) has the alert rules (`alerts.yaml`) and a Grafana dashboard
(`dashboard.json`), which asks for its data source at import.

Rules for all metrics:

- Labels are names out of the program and its settings: kinds, transports, error codes, subgraphs, mounts, replicas. No text of a client
  becomes a label, so the number of series has a bound: about 1,400, and 560 of them before the first error.
- A counter starts at 0 with the process. Distributions have cumulative buckets; durations are in seconds, from 10 µs to 10 s.
- A series with a label `code` appears with the first such error.
- A page of a long REST list is an operation of its own, so one request may count several operations.
- Figures that a part of the server keeps anyway are read when they are asked for. A request itself adds to a few counters; [how their cost
  is measured](PERFORMANCE.md#telemetry).
- A scrape runs the checks of `GET /ready`, and asks each order replica for its state.

";

#[test]
fn the_page_of_metrics_is_up_to_date() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/METRICS.md");
    let page = format!("{INTRODUCTION}{}", metrics::markdown());
    testing::assert_checked_in(
        file,
        &page,
        "UPDATE_SCHEMAS=1 cargo test --workspace --test http page_of_metrics",
    );
}
