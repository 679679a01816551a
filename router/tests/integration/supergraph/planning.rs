//! The estimate of the cost of planning, before planning starts.

use std::fmt::Write as _;
use std::time::Duration;

use agora::domains::SUPERGRAPH_SDL;
use agora::limits::Limits;
use agora::supergraph::Supergraph;

/// Returns a query of people nested to that depth, each level with all of these fields.
fn nested(depth: usize, fields: &str, link: &str) -> String {
    let mut text = String::from("me ");
    for _ in 0..depth {
        let _ = write!(text, "{{ {fields} {link} ");
    }
    text + "{ id }" + &"}".repeat(depth)
}

#[test]
#[ignore = "prints a table for those who change the price"]
fn planning_costs_and_times() {
    let supergraph = Supergraph::without_subgraphs(SUPERGRAPH_SDL, &contract::SCALARS).unwrap();
    let some = "id username karma";
    let many = "id username karma portfolioValue unreadCount wallet { balance } holdings { nodes { free stock { name price } } } posts { nodes { title score } } inbox(first: 25) { nodes { contents } } bookPurchases { nodes { title } } shopOrders { nodes { quantity } }";
    let orders = "inbox(first: 25) { nodes { from";
    let mut operations = vec![include_str!("../../../benches/everything/query.graphql").to_owned()];
    for depth in [1, 2, 4, 8] {
        for fields in [some, many] {
            let text = nested(depth, fields, orders);
            operations.push(format!("{{ {text} {} }}", "}}".repeat(depth)));
        }
    }
    for copies in [2, 5, 10, 20] {
        for fields in [some, many] {
            let aliased = |copy: usize| format!("a{copy}: user(id: \"{copy}\") {{ {fields} }}");
            let text: Vec<_> = (0..copies).map(aliased).collect();
            operations.push(format!("{{ {} }}", text.join(" ")));
            let aliased = |copy: usize| {
                format!("a{copy}: inbox(first: {copy}) {{ nodes {{ from {{ {fields} }} to {{ {fields} }} }} }}")
            };
            let text: Vec<_> = (0..copies).map(aliased).collect();
            operations.push(format!("{{ me {{ {} }} }}", text.join(" ")));
        }
    }
    for copies in [5, 20, 50] {
        operations.push(many_fetches(copies));
        let roots: String = (0..copies)
            .map(|n| format!("a{n}: createPost(input: {{ title: \"t\", text: \"{n}\", community: \"c\" }}) {{ author {{ {many} }} }} "))
            .collect();
        operations.push(format!("mutation {{ {roots} }}"));
    }
    operations.extend((0..200).map(|seed| Random(seed).operation()));
    let mut table = Vec::new();
    for operation in operations {
        let Ok(steps) = supergraph.planning_cost(&operation) else {
            continue;
        };
        let begun = processor_time();
        match supergraph.check_operation(&operation) {
            Ok(_) => table.push(((processor_time() - begun).as_micros() as u64, steps, operation)),
            Err(refusal) => println!("{refusal}: {operation}"),
        }
    }
    table.sort_by_key(|(took_us, steps, _)| took_us * 1_000 / steps);
    for (took_us, steps, operation) in &table {
        let per_step = took_us * 1_000 / steps;
        println!(
            "{per_step} ns a step: {took_us} us for {steps}, {} bytes",
            operation.len()
        );
    }
    for (took_us, steps, operation) in table.iter().rev().take(3) {
        println!("{took_us} us for {steps}: {operation}");
    }
}

/// Returns the processor time of this thread: other processes do not count.
fn processor_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split_whitespace().next().unwrap().parse().unwrap())
}

/// Returns a query of the shape with the highest known cost per field: fetches from several subgraphs under each of that many
/// aliases.
fn many_fetches(copies: usize) -> String {
    many_deep_fetches(copies, 1)
}

/// As `many_fetches`, at that many levels under each alias.
fn many_deep_fetches(copies: usize, levels: usize) -> String {
    let fields = "username unreadCount portfolioValue wallet { balance } bookPurchases(first: 1) { nodes { id } } shopOrders(first: 1) { nodes { id } }";
    let mut text = String::from("{ me {");
    for copy in 0..copies {
        let _ = write!(
            text,
            " a{copy}: posts(first: 1, after: \"{copy}\") {{ nodes {{ author {{ ...L1 }} }} }}"
        );
    }
    text += " } }";
    for level in 1..=levels {
        let deeper = match level {
            _ if level == levels => String::new(),
            _ => format!("posts(first: 1) {{ nodes {{ author {{ ...L{} }} }} }}", level + 1),
        };
        let _ = write!(text, " fragment L{level} on User {{ {fields} {deeper} }}");
    }
    text
}

#[test]
fn the_cost_grows_with_the_work_and_has_a_limit() {
    let supergraph = Supergraph::without_subgraphs(SUPERGRAPH_SDL, &contract::SCALARS).unwrap();
    let limits = Limits::default();
    let cost = |text: &str| supergraph.planning_cost(text).unwrap();
    // Twice as many parallel fetches cost more than twice as much.
    assert!(cost(&many_fetches(40)) > 2 * cost(&many_fetches(20)));
    assert!(cost(&many_fetches(120)) < limits.planning_cost_max);
    let refused = supergraph.planning_cost(&many_deep_fetches(170, 2)).unwrap_err();
    assert!(
        refused.to_string().starts_with("planning the operation costs"),
        "{refused}"
    );
    assert_eq!(refused.code().as_str(), "QUERY_TOO_COMPLEX");
    let small = "{ me { username inbox(first: 20) { nodes { contents from { username } } } } }";
    assert!(cost(small) < limits.planning_quick_cost_max);
    let everything = include_str!("../../../benches/everything/query.graphql");
    assert!(cost(everything) < limits.planning_cost_max / 10, "{}", cost(everything));
    let deep = nested(8, "id username karma unreadCount", "inbox(first: 1) { nodes { from");
    assert!(cost(&format!("{{ {deep} {} }}", "}}".repeat(8))) < limits.planning_cost_max / 10);
}

#[test]
fn operations_differing_in_names_and_values_share_a_plan() {
    let supergraph = Supergraph::without_subgraphs(SUPERGRAPH_SDL, &contract::SCALARS).unwrap();
    let spellings = [
        "{ user(id: \"1\") { username posts(first: 2) { nodes { title } } } }",
        "{ u: user(id: \"2\") { username posts(first: 3) { nodes { title } } } }",
        "{ user(id: \"1\") { n: username p: posts(first: 2) { ns: nodes { t: title } } } }",
        "query Named { user(id: 17) { username posts(first: 2) { nodes { title } } } }",
        "query($x: ID!, $n: Int) { user(id: $x) { username posts(first: $n) { nodes { title } } } }",
        "query Q($other: ID!, $n: Int = 5) { z: user(id: $other) { username posts(first: $n) { nodes { title } } } }",
        "{ a: user(id: \"1\") { username posts(first: 2) { nodes { title } } } b: user(id: \"1\") { username posts(first: 2) { nodes { title } } } }",
        "{ user(id: \"1\") { username a: username posts(first: 2) { nodes { title b: title } } c: posts(first: 2) { nodes { title } } } }",
        "{ user(id: \"1\") { ...F } } fragment F on User { username ...G } fragment G on User { posts(first: 2) { nodes { ... { title } } } }",
        "query($yes: Boolean!) { user(id: \"1\") { username @include(if: $yes) posts(first: 2) { nodes { title } } } }",
        "#\n{user(id:\"\"\"1\"\"\"){username,posts(first:2){nodes{title}}}}",
    ];
    for spelling in spellings {
        supergraph.check_operation(spelling).unwrap();
        assert_eq!(supergraph.cached_plans(), 1, "{spelling}");
    }
}

#[test]
fn operations_with_new_aliases_on_any_fields_share_a_plan() {
    let supergraph = Supergraph::without_subgraphs(SUPERGRAPH_SDL, &contract::SCALARS).unwrap();
    for turn in 0..64_usize {
        let key = |bit: usize| match turn >> bit & 1 {
            0 => String::new(),
            _ => format!("a{turn}_{bit}: "),
        };
        let text = format!(
            "{{ {}user(id: \"{turn}\") {{ {}posts(first: {turn}) {{ nodes {{ {}title }} }} {}inbox(first: {turn}) {{ nodes {{ {}from {{ username }} }} }} }} b{turn}: user(id: \"x{turn}\") {{ {}karma }} }}",
            key(0),
            key(1),
            key(2),
            key(3),
            key(4),
            key(5),
        );
        supergraph.check_operation(&text).unwrap();
    }
    assert_eq!(supergraph.cached_plans(), 1);
}

/// A generator of random operations, the same for the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn operation(&mut self) -> String {
        let size = 200 + self.below(2_500);
        let mut text = String::from("{ ");
        while (text.len() as u64) < size {
            let alias = text.len();
            let user = self.user(size - text.len() as u64, 0);
            let _ = write!(text, "a{alias}: user(id: \"{alias}\") {user} ");
        }
        text + "}"
    }

    /// Returns a selection on a person of about that many bytes.
    fn user(&mut self, size: u64, level: u64) -> String {
        const LEAVES: [&str; 8] = [
            "id",
            "username",
            "karma",
            "portfolioValue",
            "unreadCount",
            "wallet { id balance }",
            "wallets { currency }",
            "displayName",
        ];
        const LINKS: [(&str, &str); 8] = [
            (
                "holdings(first: 1) { nodes { id free stock { id name price } owner",
                "} }",
            ),
            ("brokerageOrders(first: 1) { nodes { id investor", "} }"),
            ("brokerageOrders(first: 1) { nodes { id stock { id name } broker", "} }"),
            ("inbox(first: 1) { nodes { id from", "} }"),
            ("inbox(first: 1) { nodes { contents to", "} }"),
            ("posts(first: 1) { nodes { id score author", "} }"),
            (
                "posts(first: 1) { nodes { title myVote community { name } author",
                "} }",
            ),
            ("shopOrders(first: 1) { nodes { id product { id name } user", "} }"),
        ];
        let mut text = String::from("{ id ");
        while (text.len() as u64) < size {
            if level < 5 && self.below(2) == 0 {
                let (before, after) = LINKS[self.below(8) as usize];
                let size = self.below(size);
                let inner = self.user(size, level + 1);
                let _ = write!(text, "b{}: {before} {inner} {after} ", text.len());
            } else {
                let leaf = LEAVES[self.below(8) as usize];
                let _ = write!(text, "{leaf} ");
            }
        }
        text + "}"
    }
}
