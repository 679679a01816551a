//! Files that are generated and checked in.

/// Fails when the file differs from the generated text; with `UPDATE_SCHEMAS` in the environment it writes the file
/// first.
///
/// `command` is the command that writes the file; the failure message shows it with the first difference.
///
/// # Panics
/// When the file differs, or cannot be written.
#[track_caller]
pub fn assert_checked_in(file: &str, code: &str, command: &str) {
    if std::env::var_os("UPDATE_SCHEMAS").is_some() {
        std::fs::write(file, code).expect("the file can be written");
    }
    let checked_in = std::fs::read_to_string(file).unwrap_or_default();
    if let Some(difference) = first_difference(&checked_in, code) {
        panic!("{file} is not what the code generates. {difference}\n`{command}` writes it");
    }
}

/// Describes the first line in which two texts differ; `None` where they are equal.
fn first_difference(checked_in: &str, code: &str) -> Option<String> {
    if checked_in == code {
        return None;
    }
    let (mut left, mut right) = (checked_in.split('\n'), code.split('\n'));
    let mut number = 0;
    loop {
        number += 1;
        let (file, code) = (left.next(), right.next());
        if file != code {
            let shown = |line: Option<&str>| line.map_or_else(|| "no such line".to_owned(), |line| format!("`{line}`"));
            return Some(format!(
                "Line {number}:\n  in the file: {}\n  in the code: {}",
                shown(file),
                shown(code)
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::first_difference;

    #[test]
    fn the_first_difference_has_its_line_and_both_texts() {
        assert_eq!(first_difference("a\nb\n", "a\nb\n"), None);
        let inside = first_difference("a\nb\n", "a\nc\n").expect("a difference");
        assert_eq!(inside, "Line 2:\n  in the file: `b`\n  in the code: `c`");
        let after = first_difference("a", "a\nb").expect("a difference");
        assert_eq!(after, "Line 2:\n  in the file: no such line\n  in the code: `b`");
    }
}
