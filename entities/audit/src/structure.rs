//! Checks of the files below the rules of the tables: pages, references, the names of the schema, and acknowledged commits.

use database::RecordedCommits;
use rusqlite::Connection;

use crate::check::text;
use crate::report::{CheckResult, Deviation};
use crate::snapshot::Snapshot;
use crate::{AuditError, InstallationFiles};

/// Refuses a database whose migrations are not those of this program.
pub(crate) fn require_known_migrations(snapshot: &Snapshot) -> Result<(), AuditError> {
    let applied = snapshot.during("schema", applied_migrations)?;
    let known = migrations::names();
    if let Some(newer) = applied.iter().find(|name| !known.contains(name)) {
        let why = format!("the database has the migration {newer} of a newer Agora: audit it with that version");
        return Err(AuditError::OtherVersion(why));
    }
    if let Some(missing) = known.iter().find(|name| !applied.contains(name)) {
        let why =
            format!("the database lacks the migration {missing}: an older Agora made it; run `agora migrate` first");
        return Err(AuditError::OtherVersion(why));
    }
    Ok(())
}

/// Returns the names of the migrations that a database has, in their order.
///
/// # Errors
/// When the database cannot be read.
pub fn applied_migrations(db: &Connection) -> rusqlite::Result<Vec<String>> {
    let listed = "SELECT count(*) > 0 FROM sqlite_schema WHERE name = 'seaql_migrations'";
    if !db.query_row(listed, [], |row| row.get(0))? {
        return Ok(Vec::new());
    }
    let mut names = db.prepare("SELECT version FROM seaql_migrations ORDER BY version")?;
    let names = names.query_map([], |row| row.get(0))?;
    names.collect()
}

/// Runs the checks.
pub(crate) fn check(
    snapshot: &Snapshot,
    files: &InstallationFiles,
    deviations_max: usize,
) -> Result<Vec<CheckResult>, AuditError> {
    Ok(vec![
        pages(snapshot, deviations_max)?,
        constraints(snapshot, deviations_max)?,
        references(snapshot, deviations_max)?,
        schema(snapshot, deviations_max)?,
        commits(snapshot, files)?,
    ])
}

fn result(name: &'static str, rule: &'static str) -> CheckResult {
    CheckResult {
        name,
        rule,
        rows: 0,
        deviations: 0,
        first: Vec::new(),
    }
}

fn pages(snapshot: &Snapshot, deviations_max: usize) -> Result<CheckResult, AuditError> {
    let mut result = result("pages", "the pages and indexes of the database are intact");
    snapshot.during("pages", |db| {
        result.rows = db.pragma_query_value(None, "page_count", |row| row.get(0))?;
        // The number is the most problems that SQLite reports.
        db.pragma(None, "integrity_check", 100, |row| {
            let found: String = row.get(0)?;
            if found != "ok" {
                let deviation = Deviation {
                    table: "database".to_owned(),
                    key: "pages".to_owned(),
                    expected: "ok".to_owned(),
                    found,
                };
                result.add(deviation, deviations_max);
            }
            Ok(())
        })
    })?;
    Ok(result)
}

/// Evaluates the `CHECK` constraints of all tables. A connection that only reads does not know them, so `integrity_check` skips them.
fn constraints(snapshot: &Snapshot, deviations_max: usize) -> Result<CheckResult, AuditError> {
    let mut result = result("constraints", "each row keeps the constraints of its table");
    snapshot.during("constraints", |db| {
        let tables = "SELECT name, sql, (SELECT group_concat(format('quote(\"%w\")', c.name), ' || '','' || ')
                FROM pragma_table_info(t.name) c WHERE c.pk > 0)
            FROM sqlite_schema t WHERE type = 'table' AND sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
        let mut tables = db.prepare(tables)?;
        let mut tables = tables.query([])?;
        while let Some(row) = tables.next()? {
            let (table, sql): (String, String) = (row.get(0)?, row.get(1)?);
            let key: Option<String> = row.get(2)?;
            let key = key.unwrap_or_else(|| "rowid".to_owned());
            for constraint in check_constraints(&sql) {
                result.rows += 1;
                let broken = format!(r#"SELECT {key} FROM "{table}" WHERE NOT ({constraint})"#);
                let mut broken = db.prepare(&broken)?;
                let mut broken = broken.query([])?;
                while let Some(row) = broken.next()? {
                    let deviation = Deviation {
                        table: table.clone(),
                        key: text(row.get_ref(0)?),
                        expected: constraint.to_owned(),
                        found: "a row without it".to_owned(),
                    };
                    result.add(deviation, deviations_max);
                }
            }
        }
        Ok(())
    })?;
    Ok(result)
}

/// Returns the expressions of the `CHECK` constraints in a statement that creates a table.
fn check_constraints(sql: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = sql;
    while let Some((_, after)) = rest.split_once("CHECK") {
        rest = after;
        let Some(body) = after.trim_start().strip_prefix('(') else {
            continue;
        };
        if let Some(end) = closing_parenthesis(body) {
            found.push(&body[..end]);
            rest = &body[end..];
        }
    }
    found
}

/// Returns the position of the parenthesis that closes an open one; a text in quotes has none.
fn closing_parenthesis(text: &str) -> Option<usize> {
    let (mut depth, mut quote) = (1, None);
    for (at, character) in text.char_indices() {
        match (quote, character) {
            (Some(open), close) if open == close => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(character),
            (None, '(') => depth += 1,
            (None, ')') => {
                depth -= 1;
                if depth == 0 {
                    return Some(at);
                }
            }
            (None, _) => {}
        }
    }
    None
}

fn references(snapshot: &Snapshot, deviations_max: usize) -> Result<CheckResult, AuditError> {
    let mut result = result("references", "each reference to another row has that row");
    snapshot.during("references", |db| {
        let tables = "SELECT count(*) FROM sqlite_schema t, pragma_foreign_key_list(t.name) WHERE t.type = 'table'";
        result.rows = db.query_row(tables, [], |row| row.get(0))?;
        let mut broken = db.prepare("PRAGMA foreign_key_check")?;
        let mut rows = broken.query([])?;
        while let Some(row) = rows.next()? {
            let deviation = Deviation {
                table: text(row.get_ref(0)?),
                key: text(row.get_ref(1)?),
                expected: format!("a row of {}", text(row.get_ref(2)?)),
                found: "none".to_owned(),
            };
            result.add(deviation, deviations_max);
        }
        Ok(())
    })?;
    Ok(result)
}

fn schema(snapshot: &Snapshot, deviations_max: usize) -> Result<CheckResult, AuditError> {
    let mut result = result(
        "schema",
        "the database has the tables, columns, indexes and triggers of its migrations",
    );
    let found = snapshot.during("schema", |db| {
        let mut names = db.prepare(migrations::OBJECT_NAMES)?;
        let names = names.query_map([], |row| row.get::<_, String>(0))?;
        names.collect::<rusqlite::Result<Vec<_>>>()
    })?;
    for name in migrations::newest_object_names() {
        result.rows += 1;
        if !found.iter().any(|found| found == name) {
            let (kind, name) = name.split_once(' ').unwrap_or(("object", name));
            let deviation = Deviation {
                table: kind.to_owned(),
                key: name.to_owned(),
                expected: "there".to_owned(),
                found: "missing".to_owned(),
            };
            result.add(deviation, deviations_max);
        }
    }
    Ok(result)
}

fn commits(snapshot: &Snapshot, files: &InstallationFiles) -> Result<CheckResult, AuditError> {
    let mut result = result("commits", "the database has every commit that was acknowledged");
    let commits = snapshot.commits;
    result.rows = i64::from(commits);
    let found = match snapshot.recorded_commits {
        // The count wraps around.
        RecordedCommits::Count(recorded) if recorded.wrapping_sub(commits) <= 0 => return Ok(result),
        RecordedCommits::Count(recorded) => format!("{commits}, and {recorded} were acknowledged"),
        // Builds that recorded no commits counted none either.
        RecordedCommits::Missing if commits == 0 => return Ok(result),
        RecordedCommits::Missing => "no record of the commits".to_owned(),
        RecordedCommits::Unreadable => "a record without a number".to_owned(),
    };
    let deviation = Deviation {
        table: "database".to_owned(),
        key: files.database.display().to_string(),
        expected: "all acknowledged commits".to_owned(),
        found,
    };
    result.add(deviation, 1);
    Ok(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_constraints_of_a_table_are_read_out_of_its_statement() {
        let sql = r#"CREATE TABLE t (a integer CHECK (a IN (1, 2)), b text CHECK(b <> 'a ) (' AND "b" > ''), CHECK ((a) = (b)))"#;
        let expected = ["a IN (1, 2)", r#"b <> 'a ) (' AND "b" > ''"#, "(a) = (b)"];
        assert_eq!(check_constraints(sql), expected);
        assert!(check_constraints("CREATE TABLE t (a integer)").is_empty());
    }
}
