//! `agora load`: simulated people whose answers are all compared, hostile clients, and servers that lie.

use std::time::Duration;

use load::{BazaarOptions, BazaarServer, Credential, Display, Extent, FindingKind, Options, Patience, Report};
use serde_json::Value;
use tests::TestApp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const PATIENCE: Patience = Patience {
    timeout: Duration::from_secs(120),
    away: Duration::ZERO,
};

fn options(address: &str, users: usize, rounds: u32) -> Options {
    Options {
        target: format!("http://{address}").parse().expect("an address"),
        users,
        extent: Extent::Lives(1),
        rounds,
        think: Duration::ZERO,
        seed: 7,
        hostile: 0,
        credential: Credential::Administrator("admin".to_owned(), agora::demo::PASSWORD.to_owned()),
        patience: PATIENCE,
        memory: None,
        display: Display::Silent,
    }
}

async fn run(options: Options) -> Report {
    load::run(options).await.expect("the run begins")
}

#[tokio::test(flavor = "multi_thread")]
async fn people_who_use_everything_see_no_wrong_answer() {
    let app = TestApp::new().await;
    let report = run(options(app.address(), 4, 2)).await;
    assert!(report.clean, "{}", report.to_text());
    assert_eq!((report.lives, report.lives_abandoned), (4, 0));
    assert!(report.checks.iter().all(|check| check.is_right), "{}", report.to_text());
    // Each part of the scenario took place, over GraphQL and over REST.
    for step in [
        "a broker buys",
        "buy a book",
        "cancel an order",
        "deposit",
        "look up a stock (bazaar)",
        "mark a favourite",
        "order a product",
        "read back the holdings",
        "read back the orders (REST)",
        "read back the wallet (REST)",
        "send a message",
        "write a post",
    ] {
        let figures = report
            .recording
            .steps
            .iter()
            .find(|figures| figures.step.starts_with(step));
        assert!(
            figures.is_some_and(|figures| figures.answered > 0),
            "{step}: {}",
            report.to_text()
        );
    }
    tests::Audit::open(&app.data_folder()).assert_balanced();
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_clients_get_the_answers_of_the_documents() {
    let app = TestApp::new().await;
    let report = run(Options {
        hostile: 1,
        ..options(app.address(), 1, 1)
    })
    .await;
    assert!(report.clean, "{}", report.to_text());
    let hostile = report
        .recording
        .steps
        .iter()
        .filter(|step| step.step.starts_with("hostile: "));
    assert!(hostile.count() > 80, "{}", report.to_text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_lies_is_found_out() {
    let app = TestApp::new().await;
    for (truth, lie, step) in [
        (
            r#""heldBalance":0"#,
            r#""heldBalance":5"#,
            "read back the wallet (REST)",
        ),
        (r#""status":"CANCELLED""#, r#""status":"COMPLETED""#, "cancel an order"),
        (r#""title":"Book 1"#, r#""title":"Book 9"#, "search books"),
    ] {
        let liar = lying_proxy(app.address().to_owned(), truth, lie).await;
        let report = run(options(&liar, 1, 1)).await;
        assert!(
            !report.clean && report.recording.totals.wrong > 0,
            "{}",
            report.to_text()
        );
        let finding = report
            .recording
            .findings
            .iter()
            .find(|finding| finding.step.starts_with(step));
        let finding = finding.unwrap_or_else(|| panic!("no finding at {step}: {}", report.to_text()));
        assert_eq!(finding.kind, FindingKind::WrongAnswer);
        assert!(finding.answer.contains(lie), "{finding:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_has_charts_a_table_and_json() {
    let app = TestApp::new().await;
    let report = run(options(app.address(), 1, 1)).await;
    let page = report.to_html();
    for part in [
        "Latency, ms",
        "Requests per second",
        "Errors and shed requests",
        "read back the wallet",
        "<polyline",
        "prefers-color-scheme:dark",
    ] {
        assert!(page.contains(part), "{part}");
    }
    // The page takes nothing from elsewhere: its addresses are the target and the name of a namespace.
    let own = page
        .replace(&report.plan.target, "")
        .replace("http://www.w3.org/2000/svg", "");
    assert!(!own.contains("://"), "{own}");
    let json: Value = serde_json::from_str(&report.to_json().expect("JSON")).expect("JSON");
    assert_eq!(json["clean"], true);
    assert_eq!(json["plan"]["users"], 1);
    for list in ["steps", "seconds", "checks"] {
        assert!(json[list].as_array().is_some_and(|list| !list.is_empty()), "{list}");
    }
    assert!(json["totals"]["p99_us"].as_u64() > Some(0));
    assert!(report.to_text().contains("0 wrong answers, 0 errors"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bazaars_load_client_plots_what_it_measured() {
    let app = TestApp::new().await;
    let target = format!("http://{}", app.address()).parse().expect("an address");
    let options = BazaarOptions {
        servers: vec![BazaarServer { target, cache: true }],
        iterations: 5,
        clients_max: 2,
        seed: 7,
        patience: PATIENCE,
    };
    let report = load::play_bazaar(&options, |_| {}).await;
    assert!(report.is_clean(), "{}", report.to_text());
    let parts = 2 * 5;
    let look_ups = report.rows.iter().filter(|row| row.request == "look up a stock");
    assert_eq!(look_ups.map(|row| row.count).sum::<u64>(), 5 * (1 + 2) * 5);
    assert!(report.rows.iter().any(|row| row.request == "trade" && row.p > 0.7));
    assert_eq!(report.to_csv().lines().count(), 1 + report.rows.len());
    assert!(report.rows.len() > parts);
    for plot in [report.plot_by_probability(), report.plot_by_clients()] {
        assert!(
            plot.starts_with("<svg") && plot.contains("<polyline") && plot.ends_with("</svg>"),
            "{plot}"
        );
    }
}

/// Serves a proxy in front of `address` that replaces a text in the answers by another one of the same length.
async fn lying_proxy(address: String, truth: &'static str, lie: &'static str) -> String {
    assert_eq!(truth.len(), lie.len());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port");
    let own = listener.local_addr().expect("a bound address").to_string();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(&address).await.expect("the server accepts");
            tokio::spawn(forward(client, server, truth, lie));
        }
    });
    own
}

async fn forward(client: TcpStream, server: TcpStream, truth: &str, lie: &str) -> std::io::Result<()> {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let requests = tokio::io::copy(&mut from_client, &mut to_server);
    let answers = async {
        // Longer than any answer here, so that no text is cut by the end of a piece.
        let mut buffer = vec![0; 256 * 1024];
        loop {
            let length = from_server.read(&mut buffer).await?;
            if length == 0 {
                return to_client.shutdown().await;
            }
            let piece = &mut buffer[..length];
            while let Some(at) = piece.windows(truth.len()).position(|window| window == truth.as_bytes()) {
                piece[at..at + lie.len()].copy_from_slice(lie.as_bytes());
            }
            to_client.write_all(piece).await?;
        }
    };
    let (requests, answers) = tokio::join!(requests, answers);
    requests.and(answers)
}
