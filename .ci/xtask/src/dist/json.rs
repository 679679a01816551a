//! JSON, as far as `cargo metadata` and the list of packages need it.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::error::Result;

/// A JSON value. Numbers stay texts: nothing here calculates with them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Json {
    /// `null`, `true`, `false` or a number.
    Word(String),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Json>),
    /// An object.
    Object(BTreeMap<String, Json>),
}

impl Json {
    /// Reads a document.
    pub fn parse(text: &str) -> Result<Self> {
        let mut parser = Parser {
            rest: text.chars().peekable(),
        };
        parser.value()
    }

    /// Returns a member of an object.
    pub fn get(&self, name: &str) -> Option<&Json> {
        match self {
            Self::Object(members) => members.get(name),
            _ => None,
        }
    }

    /// Returns a text member of an object.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.get(name) {
            Some(Self::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// Returns a list member of an object; none is empty.
    pub fn list(&self, name: &str) -> &[Json] {
        match self.get(name) {
            Some(Self::List(items)) => items,
            _ => &[],
        }
    }

    /// Returns the document with two spaces for each level.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        self.write(&mut text, 0);
        text.push('\n');
        text
    }

    fn write(&self, text: &mut String, level: usize) {
        let indent = |text: &mut String, level: usize| {
            text.push('\n');
            text.push_str(&"  ".repeat(level));
        };
        match self {
            Self::Word(word) => text.push_str(word),
            Self::Text(content) => write_text(text, content),
            Self::List(items) if items.is_empty() => text.push_str("[]"),
            Self::List(items) => {
                text.push('[');
                for (index, item) in items.iter().enumerate() {
                    text.push_str(if index == 0 { "" } else { "," });
                    indent(text, level + 1);
                    item.write(text, level + 1);
                }
                indent(text, level);
                text.push(']');
            }
            Self::Object(members) => {
                text.push('{');
                for (index, (name, value)) in members.iter().enumerate() {
                    text.push_str(if index == 0 { "" } else { "," });
                    indent(text, level + 1);
                    write_text(text, name);
                    text.push_str(": ");
                    value.write(text, level + 1);
                }
                indent(text, level);
                text.push('}');
            }
        }
    }
}

impl From<&str> for Json {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// Makes an object.
pub fn object<const N: usize>(members: [(&str, Json); N]) -> Json {
    Json::Object(members.map(|(name, value)| (name.to_owned(), value)).into())
}

fn write_text(text: &mut String, content: &str) {
    text.push('"');
    for character in content.chars() {
        match character {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            control if control < ' ' => {
                let _ = write!(text, "\\u{:04x}", u32::from(control));
            }
            other => text.push(other),
        }
    }
    text.push('"');
}

struct Parser<'a> {
    rest: std::iter::Peekable<std::str::Chars<'a>>,
}

impl Parser<'_> {
    fn value(&mut self) -> Result<Json> {
        match self.skip_blanks() {
            Some('"') => self.quoted().map(Json::Text),
            Some('[') => {
                let mut items = Vec::new();
                self.items(']', |parser| {
                    items.push(parser.value()?);
                    Ok(())
                })?;
                Ok(Json::List(items))
            }
            Some('{') => {
                let mut members = BTreeMap::new();
                self.items('}', |parser| {
                    parser.skip_blanks();
                    let name = parser.quoted()?;
                    parser.expect(':')?;
                    members.insert(name, parser.value()?);
                    Ok(())
                })?;
                Ok(Json::Object(members))
            }
            Some(_) => {
                let mut word = String::new();
                while let Some(next) = self
                    .rest
                    .next_if(|next| next.is_ascii_alphanumeric() || "+-.".contains(*next))
                {
                    word.push(next);
                }
                if word.is_empty() {
                    Err("the text is no JSON".into())
                } else {
                    Ok(Json::Word(word))
                }
            }
            None => Err("the JSON ends too early".into()),
        }
    }

    /// Reads what is between brackets, separated by commas.
    fn items(&mut self, end: char, mut item: impl FnMut(&mut Self) -> Result) -> Result {
        self.rest.next();
        if self.skip_blanks() == Some(end) {
            self.rest.next();
            return Ok(());
        }
        loop {
            item(self)?;
            match self.skip_blanks() {
                Some(',') => self.rest.next(),
                _ => return self.expect(end),
            };
        }
    }

    fn quoted(&mut self) -> Result<String> {
        self.expect('"')?;
        let mut text = String::new();
        loop {
            match self.rest.next().ok_or("a text does not end")? {
                '"' => return Ok(text),
                '\\' => text.push(self.escaped()?),
                other => text.push(other),
            }
        }
    }

    fn escaped(&mut self) -> Result<char> {
        Ok(match self.rest.next().ok_or("a text does not end")? {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'u' => {
                let digits: String = self.rest.by_ref().take(4).collect();
                // Half of a pair is no character; no name or licence has one.
                char::from_u32(u32::from_str_radix(&digits, 16)?).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            other => other,
        })
    }

    fn expect(&mut self, wanted: char) -> Result {
        self.skip_blanks();
        match self.rest.next() {
            Some(found) if found == wanted => Ok(()),
            found => Err(format!("expected `{wanted}` in the JSON, found {found:?}").into()),
        }
    }

    fn skip_blanks(&mut self) -> Option<char> {
        while self.rest.next_if(|next| next.is_ascii_whitespace()).is_some() {}
        self.rest.peek().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::Json;

    #[test]
    fn a_document_is_read_and_written_again() {
        let text = r#"{"a":[1,-2.5e3,null,true],"b":{"c":"x\n\"\\\u00e9"},"d":[],"e":"é"}"#;
        let read = Json::parse(text).unwrap();
        assert_eq!(read.get("b").unwrap().text("c"), Some("x\n\"\\é"));
        assert_eq!(read.list("a").len(), 4);
        assert_eq!(Json::parse(&read.to_text()).unwrap(), read);
        for broken in ["", "{", "[1 2]", r#"{"a"}"#, r#""a"#] {
            assert!(Json::parse(broken).is_err(), "{broken}");
        }
    }
}
