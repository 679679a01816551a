//! Finds all problems of the settings at once, each with the place where the value is set, and the nearest setting of an unknown name.

use figment::value::{Dict, Tag, Value};
use figment::{Figment, Metadata, Source};

use super::{ConfigError, PREFIX, Settings};

/// Reads the settings, or returns everything that is wrong with them.
pub(super) fn read(figment: &Figment) -> Result<Settings, Vec<ConfigError>> {
    // A file that is no TOML has no names yet.
    let mut values: Dict = figment.extract().map_err(|error| vec![unreadable(&error)])?;
    let mut problems = take_unknown(figment, &mut values);
    let settings = loop {
        let error = match Value::Dict(Tag::Default, values.clone()).deserialize::<Settings>() {
            Ok(settings) => break settings,
            Err(error) => error,
        };
        let path = error.path.join(".");
        problems.push(problem(figment, &path, &error.kind.to_string()));
        // The other settings are checked without it.
        if !remove(&mut values, &error.path) {
            return Err(problems);
        }
    };
    let violations = settings.violations().into_iter();
    problems.extend(violations.map(|violation| problem(figment, &violation.name, &violation.why)));
    if problems.is_empty() {
        Ok(settings)
    } else {
        Err(problems)
    }
}

fn unreadable(error: &figment::Error) -> ConfigError {
    let file = error.metadata.as_ref().and_then(|metadata| metadata.source.as_ref());
    let file = file.map_or_else(String::new, |source| format!("{source}: "));
    ConfigError::new("config", format!("{file}{}", error.kind))
}

/// Removes the names that are no settings, and returns a problem for each.
fn take_unknown(figment: &Figment, values: &mut Dict) -> Vec<ConfigError> {
    let known = names();
    let mut sections: Vec<String> = known
        .iter()
        .filter_map(|name| Some(name.split_once('.')?.0.to_owned()))
        .collect();
    sections.dedup();
    let is_section = |name: &str| sections.iter().any(|section| section == name);
    let mut unknown: Vec<Vec<String>> = Vec::new();
    for (section, value) in values.iter() {
        match value {
            Value::Dict(_, content) if is_section(section) => {
                let paths = content.keys().map(|name| vec![section.clone(), name.clone()]);
                unknown.extend(paths.filter(|path| !known.contains(&path.join("."))));
            }
            _ if is_section(section) => {}
            _ => unknown.push(vec![section.clone()]),
        }
    }
    let take = |path: Vec<String>| {
        let name = path.join(".");
        let is_variable = figment.find_metadata(&name).is_some_and(is_environment);
        let nearest = if path.len() == 1 && !is_variable {
            nearest(&name, &sections)
        } else {
            nearest(&name, &known)
        };
        let nearest = nearest.map(|near| if is_variable { variable(near) } else { near.to_owned() });
        let hint = nearest.map_or_else(String::new, |near| format!("; did you mean {near}?"));
        let found = problem(figment, &name, &format!("is no setting{hint}"));
        remove(values, &path);
        found
    };
    unknown.into_iter().map(take).collect()
}

/// Returns the name of every setting: `limits.plans_max`.
fn names() -> Vec<String> {
    let all = serde_json::to_value(Settings::default()).expect("settings are plain values");
    let sections = all.as_object().into_iter().flatten();
    let names = sections.flat_map(|(section, content)| {
        let names = content.as_object().into_iter().flat_map(|content| content.keys());
        names.map(move |name| format!("{section}.{name}"))
    });
    names.collect()
}

/// Returns the setting that was probably meant: the one of that name in another section, or the one that needs the fewest changes.
fn nearest<'a>(given: &str, known: &'a [String]) -> Option<&'a str> {
    let last = |name: &str| name.rsplit('.').next().map(str::to_owned);
    if let Some(same) = known.iter().find(|name| last(name) == last(given)) {
        return Some(same);
    }
    // With more changes, the names have little in common.
    let changes_max = given.chars().count() / 4 + 1;
    // A variable whose section is unknown has no dot.
    let plain = |name: &str| name.replace('.', "_");
    let near = known
        .iter()
        .map(|name| (strsim::osa_distance(&plain(given), &plain(name)), name));
    let near = near.filter(|(changes, _)| *changes <= changes_max).min();
    near.map(|(_, name)| name.as_str())
}

fn problem(figment: &Figment, name: &str, why: &str) -> ConfigError {
    let origin = figment.find_metadata(name).and_then(|metadata| origin(metadata, name));
    let origin = origin.map_or_else(String::new, |origin| format!(" (from {origin})"));
    let name = if name.is_empty() { "settings" } else { name };
    ConfigError::new(name, format!("{why}{origin}"))
}

/// Names the place where a value was set; `None` for defaults.
fn origin(metadata: &Metadata, name: &str) -> Option<String> {
    match &metadata.source {
        Some(Source::File(path)) => Some(path.display().to_string()),
        _ if is_environment(metadata) => Some(format!("the environment variable {}", variable(name))),
        _ if metadata.name.ends_with("Flags") => {
            let name = name.rsplit('.').next()?.replace('_', "-");
            Some(format!("the flag --{name}"))
        }
        _ => None,
    }
}

fn is_environment(metadata: &Metadata) -> bool {
    metadata.name.contains("environment variable")
}

/// Returns the environment variable of a setting: `AGORA_LIMITS_PLANS_MAX`.
fn variable(name: &str) -> String {
    format!("{PREFIX}{}", name.replace('.', "_").to_ascii_uppercase())
}

/// Removes a value; `false` when there is none at that path.
fn remove(values: &mut Dict, path: &[String]) -> bool {
    match path {
        [] => false,
        [name] => values.remove(name).is_some(),
        [section, name, ..] => match values.get_mut(section) {
            Some(Value::Dict(_, content)) => content.remove(name).is_some(),
            _ => values.remove(section).is_some(),
        },
    }
}
