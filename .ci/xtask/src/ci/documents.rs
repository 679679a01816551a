//! Documents with commands: their `sh` blocks run in order, in one shell. A block of another kind that directly follows a
//! `sh` block is the output that a reader sees, with `…` for the parts that differ each time.

use std::fmt::Write;
use std::fs::{self, File};
use std::path::Path;
use std::process::Stdio;

use super::server::{Server, target};
use crate::command;
use crate::error::Result;
use crate::workspace::Workspace;

/// The documents, relative to the top level.
const DOCUMENTS: [&str; 2] = ["docs/CLIENTS.md", "docs/clients/README.md"];
/// The address of the demo in the documents.
const DEMO_ADDRESS: &str = "127.0.0.1:4000";
/// The origin that the documents allow.
const ALLOWED_ORIGIN: &str = "http://localhost:5173";
/// How long the commands of one document may take, in seconds.
const SECONDS_MAX: &str = "600";
/// Stands for any text in an expected output.
const ANYTHING: char = '…';
/// Begins the line that the shell prints before each block.
const MARK: &str = "== line ";

/// Runs the documents against a demo of their own: their outputs are those of fresh sample data.
pub fn check(workspace: &Workspace, folder: &Path) -> Result {
    for document in DOCUMENTS {
        let folder = folder.join(document.replace('/', "-"));
        fs::create_dir(&folder)?;
        let server = Server::demo(workspace, &folder, &["--allowed-origins", ALLOWED_ORIGIN])?;
        println!("{document}");
        run(workspace, document, &server, &folder)?;
        server.stop("TERM")?;
    }
    Ok(())
}

/// Runs the commands of a document in the top level of the repository.
fn run(workspace: &Workspace, document: &str, server: &Server, folder: &Path) -> Result {
    let address = server.url.strip_prefix("http://").ok_or("no address")?;
    let blocks = blocks(&workspace.read(document)?.replace(DEMO_ADDRESS, address));
    let (script, output) = (folder.join("commands.sh"), folder.join("output"));
    fs::write(&script, shell_script(&blocks))?;
    // `timeout` ends the shell together with the programs that it started.
    let mut shell = workspace.command("timeout");
    shell.args([SECONDS_MAX, "bash"]).arg(&script);
    shell.env("AGORA_URL", &server.url).env("CARGO_TARGET_DIR", target()?);
    let stdout = File::create(&output)?;
    let stderr = stdout.try_clone()?;
    let outcome = command::run(shell.stdin(Stdio::null()).stdout(stdout).stderr(stderr));
    let output = fs::read_to_string(&output)?;
    let parts = split_output(&output);
    if let Err(error) = outcome {
        let (line, printed) = parts.last().copied().unwrap_or_default();
        return Err(format!("{document}:{line}: {error}\n{printed}").into());
    }
    let mut wrong = String::new();
    for (block, (_, printed)) in blocks.iter().zip(parts) {
        if let Some(expected) = &block.expected
            && !is_expected(printed, expected)
        {
            let line = block.line;
            write!(
                wrong,
                "{document}:{line}: expected\n{expected}\nbut the output is\n{printed}\n"
            )?;
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.into()) }
}

/// Commands of a document.
#[derive(Debug, PartialEq, Eq)]
struct Block {
    /// The line of the opening fence, from 1.
    line: usize,
    commands: String,
    /// The output that the document shows.
    expected: Option<String>,
}

/// Returns the `sh` blocks of a document, each with the block that follows after at most empty lines.
fn blocks(document: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut lines = document.lines().enumerate();
    let mut follows_commands = false;
    while let Some((index, line)) = lines.next() {
        let Some(kind) = line.strip_prefix("```") else {
            follows_commands &= line.is_empty();
            continue;
        };
        let content: String = lines
            .by_ref()
            .map(|(_, line)| line)
            .take_while(|line| !line.starts_with("```"))
            .flat_map(|line| [line, "\n"])
            .collect();
        if kind == "sh" {
            blocks.push(Block {
                line: index + 1,
                commands: content,
                expected: None,
            });
        } else if let (Some(block), true) = (blocks.last_mut(), follows_commands) {
            block.expected = Some(content);
        }
        follows_commands = kind == "sh";
    }
    blocks
}

/// A script that runs the blocks, each after a line with its place.
fn shell_script(blocks: &[Block]) -> String {
    let mut script = "set -e\n".to_owned();
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
        let document = "a\n```sh\necho 1\n```\n\n```json\n1\n```\n```sh\ntrue\n```\n\nb\n\n```text\n2\n```\n";
        let block = |line, commands: &str, expected: Option<&str>| Block {
            line,
            commands: commands.to_owned(),
            expected: expected.map(str::to_owned),
        };
        assert_eq!(
            blocks(document),
            [block(2, "echo 1\n", Some("1\n")), block(9, "true\n", None)]
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
