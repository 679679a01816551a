//! What planning costs is known before.

use std::fmt::Write as _;
use std::time::Instant;

use agora::domains::SUPERGRAPH_SDL;
use agora::supergraph::Supergraph;

/// Nested people, as deep as that, each level with all of these fields.
fn nested(depth: usize, fields: &str, link: &str) -> String {
    let mut text = String::from("me ");
    for _ in 0..depth {
        let _ = write!(text, "{{ {fields} {link} ");
    }
    text + "{ id }" + &"}".repeat(depth)
}

#[test]
#[ignore = "prints a table for whoever changes the price"]
fn prices_and_times() {
    let supergraph = Supergraph::without_subgraphs(SUPERGRAPH_SDL).unwrap();
    let some = "id username karma";
    let many = "id username karma portfolioValue unreadCount wallet { balance } holdings { nodes { free stock { name price } } } posts { nodes { title score } } inbox(first: 25) { nodes { contents } } bookPurchases { nodes { title } } shopOrders { nodes { quantity } }";
    let orders = "inbox(first: 25) { nodes { from";
    let mut operations = vec![include_str!("../../benches/everything/query.graphql").to_owned()];
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
    operations.extend((0..400).map(|seed| Random(seed).operation()));
    let mut table = Vec::new();
    for operation in operations {
        let cost = supergraph.planning_cost(&operation);
        let begun = Instant::now();
        let planned = supergraph.check_operation(&operation).map(|_| ());
        let took = begun.elapsed();
        if let Err(refusal) = planned {
            println!("{refusal}: {operation}");
        } else if let Ok(cost) = cost {
            table.push((took, cost, operation));
        }
    }
    table.sort();
    for (took, cost, operation) in &table {
        println!("{} us for {cost}, {} bytes", took.as_micros(), operation.len());
    }
    for (took, cost, operation) in table.iter().rev().take(3) {
        println!("{took:?} for {cost}: {operation}");
    }
}

/// Operations made up at random, the same for the same seed.
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

    /// A selection on a person of about that many bytes.
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
