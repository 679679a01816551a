//! Damaged supergraphs: the loader serves or refuses each of them, without a panic, and a refusal names its place.
//!
//! The texts are those of the conformance suite and of the folder `loader_corpus`, which keeps a text that once showed a fault. A longer
//! search takes more rounds: `SUPERGRAPH_FUZZ_ROUNDS=2000 cargo test -p engine loader_fuzz`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use super::{Supergraph, SupergraphError};

/// The texts per text of the corpus.
const ROUNDS: usize = 8;
const SEED: u64 = 0x5DEE_CE66;

/// Tokens that the loader looks for, and values that are wrong in most places.
const TOKENS: &[&str] = &[
    "@join__type(graph: A, key: \"id\")",
    "@join__type(graph: A, key: \"a { b(c: 1) { ...on D { e } } }\", resolvable: false)",
    "@join__type(graph: A, isInterfaceObject: true)",
    "@join__field(graph: A, requires: \"a { b }\", provides: \"c\", external: true)",
    "@join__field(graph: A, override: \"b\", overrideLabel: \"percent(101)\", usedOverridden: true)",
    "@join__field",
    "@join__implements(graph: A, interface: \"Node\")",
    "@join__unionMember(graph: A, member: \"A\")",
    "@join__enumValue(graph: A)",
    "@join__graph(name: \"a\", url: \"http://a\")",
    "@join__owner(graph: A)",
    "@link(url: \"https://specs.apollo.dev/join/v0.3\", for: EXECUTION)",
    "@inaccessible",
    "join__Graph",
    "join__FieldSet",
    "enum join__Graph { A }",
    "type Query { a: Query }",
    "extend type Query { a: Int }",
    "interface I implements I { a: I }",
    "input N { n: N! }",
    "schema { query: Query }",
    "union U = U",
    "__typename",
    "null",
    "[]",
    "{}",
    "\"\"",
    "\"\"\"\"\"\"",
    "-99999999999999999999999999",
    "1e999",
    "$v",
    "...",
    "!",
    "=",
    "@",
    "&",
    "|",
];

#[test]
fn a_damaged_supergraph_is_served_or_refused_with_the_place() {
    let corpus = corpus();
    assert!(corpus.len() > 10, "the corpus is missing");
    let rounds = option_env!("SUPERGRAPH_FUZZ_ROUNDS").map_or(ROUNDS, |rounds| rounds.parse().unwrap());
    let mut random = Random(SEED);
    let mut faults = Vec::new();
    for text in &corpus {
        faults.extend(fault(text));
        for _ in 0..rounds {
            faults.extend(fault(&damaged(text, &corpus, &mut random)));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
}

/// The texts of the conformance suite and of the folder `loader_corpus`.
fn corpus() -> Vec<String> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let entries = |folder: PathBuf| std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let graphs = entries(here.join("../tests/conformance")).map(|folder| folder.join("supergraph.graphql"));
    let kept = entries(here.join("src/supergraph/loader_corpus"));
    let mut files: Vec<_> = graphs.chain(kept).filter(|file| file.is_file()).collect();
    files.sort();
    files
        .iter()
        .map(|file| std::fs::read_to_string(file).unwrap())
        .collect()
}

/// Returns what the loader does wrong with a text.
fn fault(text: &str) -> Option<String> {
    match catch_unwind(AssertUnwindSafe(|| Supergraph::without_subgraphs(text, &[]))) {
        Ok(Ok(_)) => None,
        Ok(Err(error)) if names_a_place(&error) => None,
        Ok(Err(error)) => Some(format!("{error}\nis the refusal of\n{text}")),
        Err(_) => Some(format!("the loader panics on\n{text}")),
    }
}

/// Whether a refusal names a line of the text, the name of what is wrong, or what the whole text lacks.
fn names_a_place(error: &SupergraphError) -> bool {
    let signs = [
        ".graphql:",
        "`",
        "\"",
        "@",
        "it has no query type",
        "it names no subgraphs",
    ];
    match error {
        SupergraphError::Schema(why) => signs.iter().any(|sign| why.contains(sign)),
        SupergraphError::Unsupported(name) | SupergraphError::MissingSubgraph(name) => !name.is_empty(),
    }
}

/// Returns the text after one to four changes of its tokens or characters.
fn damaged(text: &str, corpus: &[String], random: &mut Random) -> String {
    let mut tokens = tokens(text);
    for _ in 0..=random.below(3) {
        let at = random.below(tokens.len());
        let end = (at + random.below(12)).min(tokens.len());
        let inserted = |token: &str| format!(" {token} ");
        match random.below(8) {
            0 => drop(tokens.drain(at..end)),
            1 => {
                let part = tokens[at..end].to_vec();
                tokens.splice(at..at, part);
            }
            2 if !tokens.is_empty() => {
                let other = random.below(tokens.len() - 1);
                let at = at.min(tokens.len() - 1);
                tokens.swap(at, other);
            }
            3 if at < tokens.len() => tokens[at] = inserted(TOKENS[random.below(TOKENS.len() - 1)]),
            4 => tokens.insert(at, inserted(TOKENS[random.below(TOKENS.len() - 1)])),
            5 => {
                let other = self::tokens(&corpus[random.below(corpus.len() - 1)]);
                let from = random.below(other.len());
                let to = (from + random.below(12)).min(other.len());
                tokens.splice(at..at, other[from..to].iter().cloned());
            }
            6 if at < tokens.len() => tokens[at] = changed(&tokens[at], random),
            7 if at < tokens.len() => {
                let (open, close) = [("[", "]"), ("{ a ", "}"), ("( a: ", ")")][random.below(2)];
                let levels = 1 << random.below(10);
                tokens[at] = format!("{}{}{}", open.repeat(levels), tokens[at], close.repeat(levels));
            }
            _ => tokens.truncate(at),
        }
    }
    tokens.concat()
}

/// Returns the token with one change of a character; of a string, this changes the field set or the name in it.
fn changed(token: &str, random: &mut Random) -> String {
    const CHARACTERS: &[char] = &[
        '{', '}', '(', ')', ':', '.', '"', '\\', ' ', '$', '@', 'a', '_', '0', '#', 'é', '\u{0}', '\n',
    ];
    let mut characters: Vec<char> = token.chars().collect();
    let at = random.below(characters.len());
    let character = CHARACTERS[random.below(CHARACTERS.len() - 1)];
    match random.below(2) {
        0 if at < characters.len() => characters[at] = character,
        1 if at < characters.len() => drop(characters.remove(at)),
        _ => characters.insert(at, character),
    }
    characters.into_iter().collect()
}

/// Splits a text into names, strings, white space and single characters.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' => rest[1..].find('"').map_or(rest.len(), |end| end + 2),
            _ if is_of_name(first) => rest.find(|character| !is_of_name(character)).unwrap_or(rest.len()),
            _ if first.is_whitespace() => {
                let end = rest.find(|character: char| !character.is_whitespace());
                end.unwrap_or(rest.len())
            }
            _ => first.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        tokens.push(token.to_owned());
        rest = after;
    }
    tokens
}

fn is_of_name(character: char) -> bool {
    character == '_' || character.is_ascii_alphanumeric()
}

/// A small generator (xorshift): the same seed gives the same texts on every machine.
struct Random(u64);

impl Random {
    /// Returns a number from 0 to `max`.
    fn below(&mut self, max: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % (max + 1)
    }
}
