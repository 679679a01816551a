//! Insertions into lists in source files.

use crate::error::Result;

/// A list in a file: the lines between two others, of which some are its members.
pub struct List<'a> {
    /// The beginning of the line before the list.
    pub from: &'a str,
    /// The beginning of the line after the list; an empty text stands for an empty line.
    pub to: &'a str,
    /// The beginning of each member's line.
    pub prefix: &'a str,
}

/// Inserts a member into a list that is in alphabetical order; a member that exists is not added again.
///
/// # Errors
/// When the text has no such list.
pub fn insert_sorted(text: &str, list: &List<'_>, member: &str) -> Result<String> {
    let lines: Vec<&str> = text.lines().collect();
    let absent = || format!("no list from `{}` to `{}`", list.from, list.to);
    let from = lines.iter().position(|line| line.starts_with(list.from));
    let from = from.ok_or_else(absent)? + 1;
    let to = lines[from..].iter().position(|line| ends_list(line, list.to));
    let to = from + to.ok_or_else(absent)?;
    let members = (from..to).filter(|index| lines[*index].starts_with(list.prefix));
    let mut place = None;
    for index in members {
        if lines[index] == member {
            return Ok(text.to_owned());
        }
        if lines[index] > member {
            place = Some(index);
            break;
        }
        place = Some(index + 1);
    }
    Ok(insert_line(&lines, place.unwrap_or(to), member))
}

fn ends_list(line: &str, to: &str) -> bool {
    if to.is_empty() {
        line.is_empty()
    } else {
        line.starts_with(to)
    }
}

/// Inserts lines before the line with that index.
pub fn insert_line(lines: &[&str], index: usize, new: &str) -> String {
    let (before, after) = lines.split_at(index);
    let all = before.iter().copied().chain(new.lines()).chain(after.iter().copied());
    all.map(|line| format!("{line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::{List, insert_sorted};

    const LIST: List<'_> = List {
        from: "list = [",
        to: "]",
        prefix: "  ",
    };

    #[test]
    fn a_member_takes_its_place_in_the_order() {
        let insert = |member| insert_sorted("x\nlist = [\n  b\n  d\n]\n  z\n", &LIST, member).expect("a list");
        assert_eq!(insert("  a"), "x\nlist = [\n  a\n  b\n  d\n]\n  z\n");
        assert_eq!(insert("  c"), "x\nlist = [\n  b\n  c\n  d\n]\n  z\n");
        assert_eq!(insert("  e"), "x\nlist = [\n  b\n  d\n  e\n]\n  z\n");
        assert_eq!(insert("  b"), "x\nlist = [\n  b\n  d\n]\n  z\n");
    }

    #[test]
    fn a_list_that_is_not_there_is_an_error() {
        assert!(insert_sorted("x\n", &LIST, "  a").is_err());
        assert!(insert_sorted("list = [\n", &LIST, "  a").is_err());
    }
}
