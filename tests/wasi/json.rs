//! As much of JSON as the WASI testsuite's specifications need: all of it but numbers with fractions.

use std::collections::BTreeMap;

#[derive(Debug, Clone, PartialEq)]
pub enum Json {
    Null,
    Bool(bool),
    Number(i64),
    Text(String),
    List(Vec<Json>),
    Map(BTreeMap<String, Json>),
}

impl Json {
    pub fn parse(text: &str) -> Json {
        let mut rest = text;
        let value = value(&mut rest);
        assert!(rest.trim().is_empty(), "behind the JSON value: {rest}");
        value
    }

    pub fn text(&self) -> String {
        match self {
            Json::Text(text) => text.clone(),
            other => panic!("not a text: {other:?}"),
        }
    }

    pub fn list(&self) -> &[Json] {
        match self {
            Json::List(list) => list,
            other => panic!("not a list: {other:?}"),
        }
    }

    pub fn map(&self) -> &BTreeMap<String, Json> {
        match self {
            Json::Map(map) => map,
            other => panic!("not a map: {other:?}"),
        }
    }
}

/// Takes `token` off the front, behind white space.
fn take(rest: &mut &str, token: &str) -> bool {
    *rest = rest.trim_start();
    let found = rest.strip_prefix(token);
    *rest = found.unwrap_or(rest);
    found.is_some()
}

fn value(rest: &mut &str) -> Json {
    if take(rest, "{") {
        let pairs = items(rest, "}", |rest| {
            let name = text(rest);
            assert!(take(rest, ":"), "no colon: {rest}");
            (name, value(rest))
        });
        return Json::Map(pairs.into_iter().collect());
    }
    if take(rest, "[") {
        return Json::List(items(rest, "]", value));
    }
    for (token, value) in [("null", Json::Null), ("true", Json::Bool(true)), ("false", Json::Bool(false))] {
        if take(rest, token) {
            return value;
        }
    }
    if rest.starts_with('"') {
        return Json::Text(text(rest));
    }
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '-').unwrap_or(rest.len());
    let number = rest[..end].parse().unwrap_or_else(|e| panic!("{e}: {rest}"));
    *rest = &rest[end..];
    Json::Number(number)
}

/// What stands between commas, up to `close`.
fn items<T>(rest: &mut &str, close: &str, item: impl Fn(&mut &str) -> T) -> Vec<T> {
    let mut found = Vec::new();
    while !take(rest, close) {
        assert!(found.is_empty() || take(rest, ","), "no comma: {rest}");
        found.push(item(rest));
    }
    found
}

fn text(rest: &mut &str) -> String {
    assert!(take(rest, "\""), "no text: {rest}");
    let mut out = String::new();
    let mut chars = rest.chars();
    loop {
        match chars.next().expect("the text ends") {
            '"' => break,
            '\\' => out.push(escape(&mut chars)),
            c => out.push(c),
        }
    }
    *rest = chars.as_str();
    out
}

fn escape(chars: &mut std::str::Chars) -> char {
    match chars.next().expect("the escape ends") {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'u' => {
            let code: String = chars.by_ref().take(4).collect();
            let code = u32::from_str_radix(&code, 16).unwrap_or_else(|e| panic!("{e}: \\u{code}"));
            char::from_u32(code).expect("a character of its own")
        }
        c => c,
    }
}
