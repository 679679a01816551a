//! `docs/ERRORS.md` is made from the list of error codes.

use std::fmt::Write;

use contract::{ErrorCode, Fault};

const INTRODUCTION: &str = "\
# Error codes

<!-- Generated from `router/foundation/src/error_code.rs`: UPDATE_SCHEMAS=1 cargo test --workspace --test contract error_codes -->

A code is stable: it does not change its meaning, and a client may match on it. GraphQL has it in `errors[].extensions.code`, the
brokerage's REST routes have it in `error.reason`. The messages beside it are for people and may change.

The status is that of every REST route, of GraphQL as `application/graphql-response+json`, and of every request that is refused before
its document is read. GraphQL as `application/json` answers 200 to an error of the document, except 405. An error of a field beside
`data` has status 200 in both.

A client that receives a code which is not in this list should treat it as `INTERNAL`. [CLIENTS.md](CLIENTS.md#errors) has the three
reactions of a client (try again, sign in again, change the input), and examples.

Further members of `extensions`:

| member | meaning |
| --- | --- |
| `field` | the argument or the variable with the value that breaks a rule, `input.title` for a member |
| `retryAfter` | the whole seconds to wait |
| `outcome` | `unknown`: a trade may have happened, and the same request with the same idempotency key returns its outcome |
";

fn page() -> String {
    let mut page = INTRODUCTION.to_owned();
    for fault in Fault::ALL {
        let (title, about) = (fault.title(), fault.about());
        page += &format!(
            "\n## {title}\n\n{about}\n\n| code | status | meaning | what a client should do |\n| --- | --- | --- | --- |\n"
        );
        for code in ErrorCode::ALL.iter().filter(|code| code.fault() == fault) {
            let (status, meaning, advice) = (code.http_status(), code.meaning(), code.advice());
            writeln!(page, "| `{code}` | {status} | {meaning} | {advice} |").expect("a text takes every line");
        }
    }
    page
}

#[test]
fn the_page_of_error_codes_is_up_to_date() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/ERRORS.md");
    testing::assert_checked_in(
        file,
        &page(),
        "UPDATE_SCHEMAS=1 cargo test --workspace --test contract error_codes",
    );
}

#[test]
fn the_page_has_each_code_once() {
    let page = page();
    for code in ErrorCode::ALL {
        let row = format!("| `{code}` | {} |", code.http_status());
        assert_eq!(page.matches(&row).count(), 1, "{code}");
        assert!(code.meaning().ends_with('.') && code.advice().ends_with('.'), "{code}");
    }
}
