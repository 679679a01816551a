//! The settings of the real program: from a file, the environment and flags.

use std::path::Path;
use std::process::{Command, Output};

fn agora(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_agora"))
        .args(arguments)
        .envs(environment.iter().copied())
        .current_dir(folder)
        .output()
        .expect("the program runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn flags_win_over_the_environment_which_wins_over_the_file() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("agora.toml"),
        "[limits]\nquery_depth_max = 11\nquery_aliases_max = 11\nplans_max = 11\n[server]\nlisten = \"127.0.0.1:4100\"\n",
    )
    .unwrap();
    let environment = [
        ("AGORA_LIMITS_QUERY_ALIASES_MAX", "12"),
        ("AGORA_LIMITS_PLANS_MAX", "12"),
    ];
    let arguments = [
        "check-config",
        "--running",
        "--config",
        "agora.toml",
        "--plans-max",
        "13",
    ];

    let shown = agora(folder.path(), &arguments, &environment);

    assert!(shown.status.success(), "{}", text(&shown.stderr));
    let settings: toml::Table = text(&shown.stdout).parse().unwrap();
    let limit = |name: &str| settings["limits"][name].as_integer().unwrap();
    assert_eq!(
        (limit("query_depth_max"), limit("query_aliases_max"), limit("plans_max")),
        (11, 12, 13)
    );
    assert_eq!(settings["server"]["listen"].as_str(), Some("127.0.0.1:4100"));
}

#[test]
fn every_table_can_be_set_from_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    let environment = [
        ("AGORA_SERVER_SHUTDOWN_MS_MAX", "7"),
        ("AGORA_DATABASE_READERS", "7"),
        ("AGORA_ACCOUNTS_ACCESS_SECONDS", "7"),
        ("AGORA_WALLET_CURRENCIES", "USD"),
        ("AGORA_BROKERAGE_PENDING_ORDERS_MAX", "7"),
        ("AGORA_ORDERS_ORDER_REPLICAS", "7"),
        ("AGORA_REPLICAS_ORDER_BATCH_MAX", "7"),
        ("AGORA_WORKERS_EXPIRY_MS", "7"),
        ("AGORA_SUPERGRAPH_SUPERGRAPH_POLL_MS", "7"),
        ("AGORA_SUBGRAPHS_SUBGRAPH_MS_MAX", "7"),
        ("AGORA_TELEMETRY_TRACE_SPANS_MAX", "7"),
        ("AGORA_LIMITS_PLANS_MAX", "7"),
    ];
    let shown = agora(folder.path(), &["check-config", "--running"], &environment);
    assert!(shown.status.success(), "{}", text(&shown.stderr));
    let settings: toml::Table = text(&shown.stdout).parse().unwrap();
    for (variable, value) in environment {
        let name = variable.strip_prefix("AGORA_").unwrap().to_lowercase();
        let (table, name) = name.split_once('_').unwrap();
        let shown = &settings[table][name];
        let shown = shown
            .as_integer()
            .map_or_else(|| shown[0].as_str().unwrap().to_owned(), |n| n.to_string());
        assert_eq!(shown, value, "{variable}");
    }
}

#[test]
fn printed_settings_can_be_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let listeners = "bookstore=127.0.0.1:5100,bookstore.catalog=127.0.0.1:5101";
    // Other programs on this machine may use the addresses.
    let first = agora(
        folder.path(),
        &["check-config", "--running", "--rest-listen", listeners],
        &[],
    );
    std::fs::write(folder.path().join("printed.toml"), &first.stdout).unwrap();
    let second = agora(
        folder.path(),
        &["check-config", "--running", "--config", "printed.toml"],
        &[],
    );
    assert!(second.status.success(), "{}", text(&second.stderr));
    assert_eq!(text(&first.stdout), text(&second.stdout));
    assert!(text(&first.stdout).contains("bookstore.catalog=127.0.0.1:5101"));
}

#[test]
fn a_bad_setting_is_refused_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("typo.toml"), "[limits]\nquery_dept_max = 5\n").unwrap();
    /// Arguments, environment, and the text that the error message contains.
    type Case = (
        &'static [&'static str],
        &'static [(&'static str, &'static str)],
        &'static str,
    );
    let cases: [Case; 19] = [
        (
            &["check-config", "--trace-sample-ratio", "1.5"],
            &[],
            "telemetry.trace_sample_ratio: must be a share from 0 to 1",
        ),
        (
            &["check-config"],
            &[("AGORA_TELEMETRY_OTLP_ENDPOINT", "https://collector:4318")],
            "telemetry.otlp_endpoint: `https://collector:4318` is an HTTPS address",
        ),
        (&["check-config", "--config", "typo.toml"], &[], "query_dept_max"),
        (
            &["check-config", "--config", "missing.toml"],
            &[],
            "missing.toml is no file",
        ),
        (
            &["check-config"],
            &[("AGORA_LIMITS_PLANS_MAX", "many")],
            "limits.plans_max",
        ),
        (
            &["check-config"],
            &[("AGORA_SERVER_LISTEN", "somewhere")],
            "server.listen",
        ),
        (
            &["check-config", "--request-ms-max", "0"],
            &[],
            "limits.request_ms_max: must be more than 0",
        ),
        (
            &["check-config", "--failed-logins-max", "0"],
            &[],
            "accounts.failed_logins_max: must be more than 0",
        ),
        (
            &["check-config"],
            &[("AGORA_WORKERS_EXPIRY_MS", "0")],
            "workers.expiry_ms: must be more than 0",
        ),
        (
            &["check-config", "--idempotency-key-hours", "23"],
            &[],
            "workers.idempotency_key_hours: must be at least 24",
        ),
        (
            &["check-config", "--long-operation-niceness", "20"],
            &[],
            "limits.long_operation_niceness: must be at most 19",
        ),
        (
            &["check-config", "--access-seconds", "86401"],
            &[],
            "accounts.access_seconds: must be at most 86400",
        ),
        (
            &["check-config", "--currencies", "USD,JPY"],
            &[],
            "JPY does not have two decimals",
        ),
        (
            &["check-config", "--order-replicas", "0"],
            &[],
            "0 replicas are not between 1 and 9",
        ),
        (
            &["check-config"],
            &[("AGORA_ORDERS_ORDER_REPLICAS", "1=10.0.0.1:4100")],
            "orders.order_replicas: `10.0.0.1:4100` is no address",
        ),
        (
            &["check-config", "--order-replicas", "1=http://10.0.0.1:4100"],
            &[],
            "orders.order_credential: is needed with replicas that run elsewhere",
        ),
        (&["check-config", "--log", "agora=loud"], &[], "server.log"),
        (
            &["check-config", "--allowed-origins", "https://app.example,app.example"],
            &[],
            "`app.example` is not an origin",
        ),
        (
            &["demo", "--listen", "0.0.0.0:0"],
            &[],
            "server.listen: 0.0.0.0:0 is not a loopback address",
        ),
    ];
    for (arguments, environment, name) in cases {
        let refused = agora(folder.path(), arguments, environment);
        assert!(!refused.status.success(), "{arguments:?}");
        assert!(
            text(&refused.stderr).contains(name),
            "{arguments:?}: {}",
            text(&refused.stderr)
        );
    }
    assert!(
        !folder.path().join("data").exists(),
        "a refused start made a data folder"
    );
}

#[test]
fn the_price_feed_can_be_switched_off() {
    let folder = tempfile::tempdir().unwrap();
    let shown = agora(
        folder.path(),
        &["check-config", "--running", "--price-feed-ms", "0"],
        &[],
    );
    assert!(shown.status.success(), "{}", text(&shown.stderr));
    let settings: toml::Table = text(&shown.stdout).parse().unwrap();
    assert_eq!(settings["workers"]["price_feed_ms"].as_integer(), Some(0));
}

#[test]
fn help_explains_every_setting_with_its_default() {
    let folder = tempfile::tempdir().unwrap();
    let help = text(&agora(folder.path(), &["serve", "--help"], &[]).stdout);
    for flag in [
        "--listen",
        "--data",
        "--rest-listen",
        "--rest-access",
        "--query-depth-max",
        "--write-group-max",
        "--order-replicas",
        "--order-credential",
        "--order-heartbeat-ms",
    ] {
        assert!(help.contains(flag), "{flag} is missing in\n{help}");
    }
    assert!(help.contains("[default: 127.0.0.1:4000]"), "{help}");
    assert!(help.contains("[default: USD,EUR,GBP,CHF]"), "{help}");
}

#[test]
fn the_help_of_a_replica_has_its_own_flags_and_defaults() {
    let folder = tempfile::tempdir().unwrap();
    let help = text(&agora(folder.path(), &["order-replica", "--help"], &[]).stdout);
    for flag in [
        "--id",
        "--peer",
        "--catalog",
        "--credential",
        "--joins",
        "--order-election-ms",
        "--requests-max",
    ] {
        assert!(help.contains(flag), "{flag} is missing in\n{help}");
    }
    // Long lines are wrapped.
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(help.contains("[default: 127.0.0.1:4100]"), "{help}");
    assert!(help.contains("[default: ./data/order-replica]"), "{help}");
    assert!(!help.contains("--rest-listen"), "{help}");
}
