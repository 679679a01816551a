//! Random texts, compared with `serde_json`: both accept the same texts and read the same values.

use std::path::Path;

use async_graphql::Value;
use bytes::Bytes;
use engine::tape::{self, Bounds, Tape};

use super::parse;

/// The bounds of `serde_json`.
const BOUNDS: Bounds = Bounds {
    depth_max: 127,
    values_max: usize::MAX,
};
/// The texts per seed and text of the corpus; a longer search takes other seeds.
const ROUNDS: usize = 4_000;
const SEED: u64 = 0x5DEE_CE66;

#[test]
fn mutated_texts_of_the_corpus_are_read_as_serde_json_reads_them() {
    let corpus = corpus();
    assert!(corpus.len() > 10, "the corpus is missing");
    let mut random = Random(SEED);
    for text in &corpus {
        assert_same(text);
        for _ in 0..ROUNDS {
            assert_same(&mutated(text, &corpus, &mut random));
        }
    }
}

/// The texts of the folder `corpus`. A text that once showed a difference is kept there.
fn corpus() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/json/corpus");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    files.iter().map(|file| std::fs::read(file).unwrap()).collect()
}

fn assert_same(text: &[u8]) {
    let ours = parse(text, BOUNDS);
    let tape = Tape::parse(Bytes::copy_from_slice(text), BOUNDS).map(|tape| tape.to_value(tape::ROOT));
    if let Some(on_tape) = tape {
        assert_eq!(ours.as_ref(), Ok(&on_tape), "on a tape");
    }
    let theirs: Result<serde_json::Value, _> = serde_json::from_slice(text);
    let shown = String::from_utf8_lossy(text);
    match (ours, theirs) {
        (Ok(ours), Ok(theirs)) => assert!(is_same(&ours, &theirs), "{shown}: {ours} is not {theirs}"),
        (Err(_), Err(_)) => {}
        (ours, theirs) => panic!("{shown}: {ours:?} is not {theirs:?}"),
    }
}

fn is_same(ours: &Value, theirs: &serde_json::Value) -> bool {
    match (ours, theirs) {
        (Value::Null, serde_json::Value::Null) => true,
        (Value::Boolean(ours), serde_json::Value::Bool(theirs)) => ours == theirs,
        (Value::String(ours), serde_json::Value::String(theirs)) => ours == theirs,
        (Value::Number(ours), serde_json::Value::Number(theirs)) => is_same_number(ours, theirs),
        (Value::List(ours), serde_json::Value::Array(theirs)) => {
            ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(ours, theirs)| is_same(ours, theirs))
        }
        (Value::Object(ours), serde_json::Value::Object(theirs)) => {
            let has_same = |(key, ours): (&async_graphql::Name, &Value)| {
                theirs.get(key.as_str()).is_some_and(|theirs| is_same(ours, theirs))
            };
            ours.len() == theirs.len() && ours.iter().all(has_same)
        }
        _ => false,
    }
}

/// Ours is the nearest double; that of `serde_json` may be one of its neighbours.
fn is_same_number(ours: &serde_json::Number, theirs: &serde_json::Number) -> bool {
    match (ours.as_f64(), theirs.as_f64()) {
        (Some(near), Some(nearby)) if ours.is_f64() && theirs.is_f64() => {
            near.is_sign_negative() == nearby.is_sign_negative() && near.to_bits().abs_diff(nearby.to_bits()) <= 2
        }
        _ => ours == theirs,
    }
}

/// Returns the text after one to four changes: a byte is replaced, removed or inserted, a part is doubled or cut off, or a part of
/// another text is inserted.
fn mutated(text: &[u8], corpus: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    const BYTES: &[u8] = b"{}[]:,\"\\/ \n\t\r0123456789+-.eEtrufalsn\x00\x1f\x7f\x80\xc3\xa9\xed\xa0\xf0\xff";
    let mut text = text.to_vec();
    for _ in 0..=random.below(3) {
        let at = random.below(text.len());
        let byte = BYTES[random.below(BYTES.len() - 1)];
        let end = (at + random.below(16)).min(text.len());
        match random.below(5) {
            0 if at < text.len() => text[at] = byte,
            1 if at < text.len() => drop(text.remove(at)),
            2 => text.insert(at, byte),
            3 => {
                let part = text[at..end].to_vec();
                text.splice(at..at, part);
            }
            4 => text.truncate(at),
            _ => {
                let other = &corpus[random.below(corpus.len() - 1)];
                let from = random.below(other.len());
                let to = (from + random.below(16)).min(other.len());
                text.splice(at..at, other[from..to].iter().copied());
            }
        }
    }
    text
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
