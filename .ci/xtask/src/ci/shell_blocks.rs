//! Documents with commands: their blocks run in order, in one shell. A block of another kind that directly follows is the output
//! that a reader sees, with `…` for the parts that differ each time.

use std::fmt::Write;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::command;
use crate::error::Result;
use crate::workspace::Workspace;

/// How long the commands of one document may take, in seconds.
const SECONDS_MAX: &str = "600";
/// Stands for any text in an expected output.
const ANYTHING: char = '…';
/// Begins the line that the shell prints before each block.
const MARK: &str = "== line ";

/// Runs the blocks of the document `name` at the top level, with their script and output in `folder`. `prepare` sets another folder and
/// the environment of the shell.
///
/// # Errors
/// The first block that fails, with its output, or every block with another output than the document shows.
pub fn run(
    workspace: &Workspace,
    name: &str,
    blocks: &[Block],
    folder: &Path,
    prepare: impl FnOnce(&mut Command),
) -> Result {
    let (script, output) = (folder.join("commands.sh"), folder.join("output"));
    fs::write(&script, shell_script(blocks))?;
    // `timeout` ends the shell together with the programs that it started.
    let mut shell = workspace.command("timeout");
    shell.args([SECONDS_MAX, "bash"]).arg(&script);
    prepare(&mut shell);
    let stdout = File::create(&output)?;
    let stderr = stdout.try_clone()?;
    let outcome = command::run(shell.stdin(Stdio::null()).stdout(stdout).stderr(stderr));
    let output = fs::read_to_string(&output)?;
    let parts = split_output(&output);
    if let Err(error) = outcome {
        let (line, printed) = parts.last().copied().unwrap_or_default();
        return Err(format!("{name}:{line}: {error}\n{printed}").into());
    }
    let mut wrong = String::new();
    for (block, (_, printed)) in blocks.iter().zip(parts) {
        if let Some(expected) = &block.expected
            && !is_expected(printed, expected)
        {
            let line = block.line;
            write!(
                wrong,
                "{name}:{line}: expected\n{expected}\nbut the output is\n{printed}\n"
            )?;
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.into()) }
}

/// Commands of a document.
#[derive(Debug, PartialEq, Eq)]
pub struct Block {
    /// The line of the opening fence, from 1.
    line: usize,
    commands: String,
    /// The output that the document shows.
    expected: Option<String>,
}

/// Returns the blocks of a document whose opening fence says `kind`, each with the block that follows after at most empty lines.
pub fn blocks(document: &str, kind: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut lines = document.lines().enumerate();
    let mut follows_commands = false;
    while let Some((index, line)) = lines.next() {
        // A block in a list is indented as far as its fence.
        let text = line.trim_start();
        let Some(found) = text.strip_prefix("```") else {
            follows_commands &= line.is_empty();
            continue;
        };
        let indent = &line[..line.len() - text.len()];
        let content: String = lines
            .by_ref()
            .map(|(_, line)| line.strip_prefix(indent).unwrap_or(line.trim_start()))
            .take_while(|line| !line.starts_with("```"))
            .flat_map(|line| [line, "\n"])
            .collect();
        if found == kind {
            blocks.push(Block {
                line: index + 1,
                commands: content,
                expected: None,
            });
        } else if let (Some(block), true) = (blocks.last_mut(), follows_commands) {
            block.expected = Some(content);
        }
        follows_commands = found == kind;
    }
    blocks
}

/// A script that runs the blocks, each after a line with its place.
fn shell_script(blocks: &[Block]) -> String {
    // Programs that a block starts in the background end with the script.
    let mut script = "set -e\ntrap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT\n".to_owned();
    for Block { line, commands, .. } in blocks {
        script += &format!("printf '\\n{MARK}{line}\\n'\n{commands}");
    }
    script
}

/// Splits the output of the script: the line and the output of each block that began.
fn split_output(output: &str) -> Vec<(&str, &str)> {
    let mark = format!("\n{MARK}");
    let parts = output.split(mark.as_str()).skip(1);
    parts.map(|part| part.split_once('\n').unwrap_or((part, ""))).collect()
}

/// Whether an output is the expected one. Blanks at the ends of lines do not count.
fn is_expected(output: &str, expected: &str) -> bool {
    let (expected, output) = (trimmed(expected), trimmed(output));
    let mut pieces = expected.split(ANYTHING);
    let Some(mut rest) = pieces.next().and_then(|first| output.strip_prefix(first)) else {
        return false;
    };
    let mut pieces = pieces.peekable();
    if pieces.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return rest.ends_with(piece);
        }
        let Some((_, after)) = rest.split_once(piece) else {
            return false;
        };
        rest = after;
    }
    true
}

fn trimmed(text: &str) -> String {
    let lines: Vec<_> = text.trim().lines().map(str::trim_end).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::{Block, blocks, is_expected};

    #[test]
    fn only_a_block_right_after_commands_is_their_output() {
        let document = "a\n```sh\necho 1\n```\n\n```json\n1\n```\n```sh\ntrue\n```\n\nb\n\n```text\n2\n```\n   ```sh\n   if x\n     y\n   ```\n";
        let block = |line, commands: &str, expected: Option<&str>| Block {
            line,
            commands: commands.to_owned(),
            expected: expected.map(str::to_owned),
        };
        assert_eq!(
            blocks(document, "sh"),
            [
                block(2, "echo 1\n", Some("1\n")),
                block(9, "true\n", None),
                block(18, "if x\n  y\n", None)
            ]
        );
    }

    #[test]
    fn an_ellipsis_stands_for_any_text() {
        assert!(is_expected("a \nb\n", "a\nb"));
        assert!(is_expected(r#"{"token":"xyz","id":1}"#, r#"{"token":"…","id":…}"#));
        assert!(is_expected("", "…"));
        assert!(!is_expected("ab", "a"));
        assert!(!is_expected("abcd", "a…c"));
        assert!(!is_expected("axc", "a…b…c"));
    }
}
