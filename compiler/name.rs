//! Names of wasm entities as link symbols and as C identifiers (design: "one naming rule for both sides of an import").

use std::fmt::Write as _;

/// `wasm.<module>.<field>`: what the system linker joins imports and exports by.
pub fn link_symbol(module: &str, field: &str) -> String {
    format!("wasm.{}.{}", symbol_part(module), symbol_part(field))
}

/// `pal_export.<module>.<field>`: the description of an export, for checking types at instantiation.
pub fn export_symbol(module: &str, field: &str) -> String {
    format!("pal_export.{}.{}", symbol_part(module), symbol_part(field))
}

/// `pal_<module>_<what>`: what Palisade provides for a module. The runtime has functions of the same form
/// (`pal_memory_free`); modules called like its parts get another underscore.
pub fn own_symbol(module: &str, what: &str) -> String {
    const PARTS: &[&str] = &["memory", "table", "wasi", "wasi_view", "snapshot", "rt", "tag", "budget", "version"];
    let separator = if PARTS.contains(&module) { "__" } else { "_" };
    format!("pal_{module}{separator}{what}")
}

/// Bytes outside `[A-Za-z0-9_]` become `$hh`; injective, since `$` and `.` are among them.
fn symbol_part(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'_' {
            out.push(byte.into());
        } else {
            write!(out, "${byte:02x}").expect("writing to a string");
        }
    }
    out
}

/// Bytes that can't stand in a C identifier become `_xHH_`.
pub fn c_part(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'_' {
            out.push(byte.into());
        } else {
            write!(out, "_x{byte:02X}_").expect("writing to a string");
        }
    }
    out
}

/// A C identifier for a whole name: as [`c_part`], and neither empty, nor a keyword or otherwise taken, nor beginning
/// with a digit.
pub fn c_identifier(name: &str) -> String {
    let mut out = c_part(name);
    if out.is_empty() || out.starts_with(|c: char| c.is_ascii_digit()) {
        out.insert(0, '_');
    }
    if C_KEYWORDS.contains(&out.as_str()) || is_taken(&out) {
        out.push('_');
    }
    out
}

/// Types and macros that headers see, or that compilers define without being asked.
fn is_taken(name: &str) -> bool {
    const NAMES: &[&str] =
        &["NULL", "EOF", "errno", "linux", "unix", "i386", "stdin", "stdout", "stderr", "max_align_t", "nullptr_t"];
    const SIZES: &[&str] = &["8", "16", "32", "64"];
    const KINDS: &[&str] = &["ptr", "max", "ptrdiff", "size", "sig_atomic", "wchar", "wint"];
    if NAMES.contains(&name) {
        return true;
    }
    // <stdint.h>: int_fast8_t, uintptr_t, SIZE_MAX, INT64_C and the like.
    let Some((stem, end)) = name.rsplit_once('_') else { return false };
    if !["t", "MAX", "MIN", "C"].contains(&end) || (end == "t") != (stem == stem.to_ascii_lowercase()) {
        return false;
    }
    let stem = stem.to_ascii_lowercase();
    let integer = stem.strip_prefix("uint").or_else(|| stem.strip_prefix("int")).unwrap_or(&stem);
    let bits = integer.strip_prefix("_least").or_else(|| integer.strip_prefix("_fast")).unwrap_or(integer);
    SIZES.contains(&bits) || KINDS.contains(&integer)
}

/// `pal` and `pal_…` are Palisade's own.
pub fn is_reserved(name: &str) -> bool {
    name == "pal" || name.starts_with("pal_")
}

/// Keywords of C11, C23 and C++20: headers are valid in all of them.
const C_KEYWORDS: &[&str] = &[
    "_Alignas",
    "_Alignof",
    "_Atomic",
    "_BitInt",
    "_Bool",
    "_Complex",
    "_Decimal128",
    "_Decimal32",
    "_Decimal64",
    "_Generic",
    "_Imaginary",
    "_Noreturn",
    "_Static_assert",
    "_Thread_local",
    "alignas",
    "alignof",
    "and",
    "and_eq",
    "asm",
    "auto",
    "bitand",
    "bitor",
    "bool",
    "break",
    "case",
    "catch",
    "char",
    "char16_t",
    "char32_t",
    "char8_t",
    "class",
    "co_await",
    "co_return",
    "co_yield",
    "compl",
    "concept",
    "const",
    "const_cast",
    "consteval",
    "constexpr",
    "constinit",
    "continue",
    "decltype",
    "default",
    "delete",
    "do",
    "double",
    "dynamic_cast",
    "else",
    "enum",
    "explicit",
    "export",
    "extern",
    "false",
    "float",
    "for",
    "friend",
    "goto",
    "if",
    "inline",
    "int",
    "long",
    "mutable",
    "namespace",
    "new",
    "noexcept",
    "not",
    "not_eq",
    "nullptr",
    "operator",
    "or",
    "or_eq",
    "private",
    "protected",
    "public",
    "register",
    "reinterpret_cast",
    "requires",
    "restrict",
    "return",
    "short",
    "signed",
    "sizeof",
    "static",
    "static_assert",
    "static_cast",
    "struct",
    "switch",
    "template",
    "this",
    "thread_local",
    "throw",
    "true",
    "try",
    "typedef",
    "typeid",
    "typename",
    "typeof",
    "typeof_unqual",
    "union",
    "unsigned",
    "using",
    "virtual",
    "void",
    "volatile",
    "wchar_t",
    "while",
    "xor",
    "xor_eq",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_symbols_are_injective() {
        assert_eq!(link_symbol("env", "print"), "wasm.env.print");
        assert_eq!(link_symbol("posix", "spawn.x"), "wasm.posix.spawn$2ex");
        assert_ne!(link_symbol("a.b", "c"), link_symbol("a", "b.c"));
        assert_eq!(link_symbol("", ""), "wasm..");
        assert_eq!(link_symbol("é", "$"), "wasm.$c3$a9.$24");
    }

    #[test]
    fn c_identifiers_are_valid() {
        assert_eq!(c_identifier("7-zip"), "_7_x2D_zip");
        assert_eq!(c_identifier("for"), "for_");
        assert_eq!(c_identifier(""), "_");
        for taken in ["_Bool", "linux", "NULL", "size_t", "uint_fast8_t", "INT32_MAX", "intptr_t", "SIZE_MAX"] {
            assert_eq!(c_identifier(taken), format!("{taken}_"));
        }
        for free in ["t", "int_t", "size_T", "MAX", "main", "strlen", "point_t", "_t"] {
            assert_eq!(c_identifier(free), free);
        }
        assert!(is_reserved("pal_x") && is_reserved("pal") && !is_reserved("palette"));
    }
}
