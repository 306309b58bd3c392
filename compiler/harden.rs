//! `--harden`: code that gives less to those who attack it. docs/hardening.md says what each one costs and leaves open.

use crate::error::{Error, Result};
use crate::target::Target;
use target_lexicon::{Architecture, BinaryFormat};

/// What code is hardened against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Harden {
    /// CPUs that run ahead of a check: addresses of checked accesses and table elements are masked.
    pub spectre: bool,
    /// Jumps to where none should go: each place that is jumped or called to indirectly is marked (BTI).
    pub branch: bool,
    /// Return addresses that were written over: they are signed (PAC).
    pub returns: bool,
}

/// Names of the list, with what they turn on where the target has it.
const NAMES: &[(&str, Harden)] = &[
    ("spectre", Harden { spectre: true, branch: false, returns: false }),
    ("branch", Harden { spectre: false, branch: true, returns: false }),
    ("return", Harden { spectre: false, branch: false, returns: true }),
    ("all", Harden { spectre: true, branch: true, returns: true }),
    ("none", Harden { spectre: false, branch: false, returns: false }),
];

impl Harden {
    /// Of a list of names: `all` is what the target has; what it lacks is an error by its own name.
    pub fn parse(names: &[String], target: &Target) -> Result<Harden> {
        let missing = missing(target);
        let mut harden = Harden::default();
        for name in names {
            let Some((_, on)) = NAMES.iter().find(|(known, _)| known == name) else {
                let known: Vec<&str> = NAMES.iter().map(|(known, _)| *known).collect();
                return Err(Error::new(format!("--harden: there is no {name:?}; known are {}", known.join(", "))));
            };
            if name == "none" {
                harden = Harden::default();
            }
            let marks = (on.branch || on.returns) && missing.is_none();
            if let Some(why) = missing.filter(|_| (on.branch || on.returns) && name != "all") {
                return Err(Error::new(format!("--harden={name} is not supported for {}: {why}", target.triple)));
            }
            harden.spectre |= on.spectre;
            harden.branch |= on.branch && marks;
            harden.returns |= on.returns && marks;
        }
        Ok(harden)
    }

    /// What C compilers call the same marks.
    pub fn c_flag(self) -> Option<&'static str> {
        match (self.branch, self.returns) {
            (false, false) => None,
            (true, false) => Some("-mbranch-protection=bti"),
            (false, true) => Some("-mbranch-protection=pac-ret"),
            (true, true) => Some("-mbranch-protection=standard"),
        }
    }
}

/// Why a target has no control-flow marks.
fn missing(target: &Target) -> Option<&'static str> {
    match (target.triple.architecture, target.triple.binary_format) {
        _ if target.is_board() => Some("functions begin with a check of the stack there, not with a mark"),
        (Architecture::Aarch64(_), BinaryFormat::Elf) => None,
        (Architecture::Aarch64(_), _) => Some("this system's programs are not built with such marks"),
        (Architecture::X86_64, _) => Some(
            "jump tables jump to unmarked places, and traps and exceptions leave frames without telling a shadow stack",
        ),
        _ => Some("its code generator makes no such marks"),
    }
}

#[cfg(test)]
mod tests {
    use super::Harden;
    use crate::target::Target;

    fn parse(triple: &str, names: &[&str]) -> Result<Harden, String> {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        Harden::parse(&names, &Target::parse(triple).expect("a target")).map_err(|e| e.to_string())
    }

    #[test]
    fn all_is_what_the_target_has() {
        let everything = Harden { spectre: true, branch: true, returns: true };
        assert_eq!(parse("aarch64-unknown-linux-gnu", &["all"]), Ok(everything));
        let masks = Harden { spectre: true, ..Harden::default() };
        for triple in
            ["x86_64-unknown-linux-gnu", "aarch64-apple-darwin", "aarch64-pc-windows-msvc", "aarch64-unknown-none"]
        {
            assert_eq!(parse(triple, &["all"]), Ok(masks));
            for name in ["branch", "return"] {
                let error = parse(triple, &["spectre", name]).unwrap_err();
                assert!(error.starts_with(&format!("--harden={name} is not supported for {triple}: ")), "{error}");
            }
        }
    }

    #[test]
    fn the_last_none_counts() {
        let triple = "aarch64-unknown-linux-gnu";
        assert_eq!(parse(triple, &["all", "none"]), Ok(Harden::default()));
        let returns = Harden { returns: true, ..Harden::default() };
        assert_eq!(parse(triple, &["all", "none", "return"]), Ok(returns));
        let error = parse(triple, &["specter"]).unwrap_err();
        assert_eq!(error, "--harden: there is no \"specter\"; known are spectre, branch, return, all, none");
    }
}
