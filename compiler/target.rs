//! Machines to compile for.

use crate::error::{Error, Result};
use cranelift_codegen::isa::{self, OwnedTargetIsa};
use cranelift_codegen::settings::{self, Configurable};
use target_lexicon::{Architecture, Environment, OperatingSystem, Riscv64Architecture, Triple};

/// A target machine and the CPU features code may use.
#[derive(Debug, Clone)]
pub struct Target {
    /// The machine.
    pub triple: Triple,
    /// `auto`, `baseline`, `native` or a model; on riscv64 `rv64gc` (the baseline) or `rv64gcv`. `auto` is the host's
    /// features up to x86-64-v3 where the host is the target without being named: newer ones are too rare for a
    /// default, and the runtime refuses machines that lack what was used.
    pub cpu: String,
}

/// A supported target with how it is tested.
pub const TARGETS: &[(&str, &str)] = &[
    ("x86_64-unknown-linux-gnu", "run in CI"),
    ("x86_64-unknown-linux-musl", "same objects as -gnu"),
    ("aarch64-unknown-linux-gnu", "run in CI under qemu"),
    ("aarch64-unknown-linux-musl", "same objects as -gnu"),
    ("riscv64gc-unknown-linux-gnu", "run in CI under qemu; vectors with --cpu rv64gcv"),
    ("riscv64gc-unknown-linux-musl", "same objects as -gnu"),
    ("x86_64-pc-windows-gnu", "run in CI under wine"),
    ("x86_64-pc-windows-msvc", "same objects as -gnu, linked in CI"),
    ("aarch64-pc-windows-gnullvm", "linked in CI"),
    ("aarch64-pc-windows-msvc", "same objects as -gnullvm, linked in CI"),
    ("x86_64-apple-darwin", "linked in CI"),
    ("aarch64-apple-darwin", "linked in CI"),
    ("aarch64-unknown-none", "boards: run in CI under qemu-system-aarch64"),
];

/// The usual triple for others' spellings: `arm64-apple-macos`, `x86_64-w64-mingw32`, `aarch64-windows-gnu`,
/// `aarch64-none-elf`.
fn canonical(text: &str) -> String {
    let (architecture, rest) = text.split_once('-').unwrap_or((text, ""));
    let architecture = if architecture == "arm64" { "aarch64" } else { architecture };
    let words: Vec<&str> = rest.split('-').collect();
    let has = |word: &str| words.iter().any(|w| w.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.') == word);
    if words.iter().all(|word| ["unknown", "none", "elf"].contains(word)) && (has("none") || has("elf")) {
        return format!("{architecture}-unknown-none");
    }
    if has("darwin") || has("macos") || has("macosx") {
        return format!("{architecture}-apple-darwin");
    }
    if !has("windows") && !has("mingw") {
        return format!("{architecture}-{rest}");
    }
    let environment = match words[words.len() - 1] {
        "msvc" => "msvc",
        // There is no GCC for it.
        "gnu" | "mingw32" | "mingw64" | "windows" if architecture == "aarch64" => "gnullvm",
        "mingw32" | "mingw64" | "windows" => "gnu",
        other => other,
    };
    format!("{architecture}-pc-windows-{environment}")
}

/// Features of x86-64 that machines of the level x86-64-v3 may lack.
const BEYOND_V3: &[&str] = &[
    "has_avx_vnni",
    "has_avx512bitalg",
    "has_avx512dq",
    "has_avx512vl",
    "has_avx512vbmi",
    "has_avx512f",
    "has_avx512vnni",
];

/// A way to allocate registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registers {
    /// Good code; time grows with the square of a function's size in bad cases.
    Backtracking,
    /// One pass over the code: for functions that the other takes too long for.
    SinglePass,
}

impl Registers {
    fn setting(self) -> &'static str {
        match self {
            Registers::Backtracking => "backtracking",
            Registers::SinglePass => "single_pass",
        }
    }
}

/// True for machines without an operating system, and perhaps without an MMU.
pub fn is_board(triple: &Triple) -> bool {
    triple.operating_system == OperatingSystem::None_
}

impl Target {
    /// The machine this compiler runs on.
    pub fn host() -> Target {
        Target { triple: Triple::host(), cpu: "auto".into() }
    }

    /// A target by its triple.
    pub fn parse(text: &str) -> Result<Target> {
        let triple: Triple = canonical(text).parse().map_err(|e| Error::new(format!("target {text:?}: {e}")))?;
        // Without letters a riscv64 means this one, too.
        let riscv64 = matches!(
            triple.architecture,
            Architecture::Riscv64(Riscv64Architecture::Riscv64 | Riscv64Architecture::Riscv64gc)
        );
        let system = match triple.operating_system {
            OperatingSystem::Linux => matches!(triple.environment, Environment::Gnu | Environment::Musl),
            OperatingSystem::Windows => {
                !riscv64 && matches!(triple.environment, Environment::Gnu | Environment::GnuLlvm | Environment::Msvc)
            }
            OperatingSystem::Darwin(_) => !riscv64,
            _ => false,
        };
        let board = triple.operating_system == OperatingSystem::None_
            && triple.environment == Environment::Unknown
            && matches!(triple.architecture, Architecture::Aarch64(_));
        let known = matches!(triple.architecture, Architecture::X86_64 | Architecture::Aarch64(_)) || riscv64;
        if !(system && known || board) {
            return Err(Error::new(format!("target {text:?} is not supported (see --print targets)")));
        }
        Ok(Target { triple, cpu: "baseline".into() })
    }

    /// True if its programs run on this machine without an emulator.
    pub fn is_host(&self) -> bool {
        let host = Triple::host();
        self.triple.architecture == host.architecture
            && self.triple.operating_system == host.operating_system
            && self.triple.environment == host.environment
    }

    /// True for x86-64.
    pub fn is_x86_64(&self) -> bool {
        self.triple.architecture == Architecture::X86_64
    }

    /// True for riscv64.
    pub fn is_riscv64(&self) -> bool {
        matches!(self.triple.architecture, Architecture::Riscv64(_))
    }

    /// Its CPU has vectors: on riscv64 only if one that has them is named.
    pub fn has_vectors(&self) -> bool {
        !self.is_riscv64() || self.cpu == "rv64gcv"
    }

    /// A register is kept for the instance; without one it travels as a parameter: Cranelift has none for riscv64.
    fn has_pinned_register(&self) -> bool {
        !self.is_riscv64()
    }

    /// True for Windows.
    pub fn is_windows(&self) -> bool {
        self.triple.operating_system == OperatingSystem::Windows
    }

    /// True for machines without an operating system.
    pub fn is_board(&self) -> bool {
        is_board(&self.triple)
    }

    /// True for macOS.
    pub fn is_macos(&self) -> bool {
        matches!(self.triple.operating_system, OperatingSystem::Darwin(_))
    }

    /// What the names of its executables end with, of its shared libraries, of objects.
    pub fn suffixes(&self) -> [&'static str; 3] {
        match self.triple.environment {
            Environment::Msvc => ["exe", "dll", "obj"],
            _ if self.is_windows() => ["exe", "dll", "o"],
            _ if self.is_macos() => ["", "dylib", "o"],
            _ => ["", "so", "o"],
        }
    }

    /// The code generator for it; `level` is the `-O` level, `registers` how it allocates registers.
    pub fn isa(&self, level: u8, nan_canonicalization: bool, registers: Registers) -> Result<OwnedTargetIsa> {
        let mut flags = settings::builder();
        let opt_level = if level == 0 { "none" } else { "speed" };
        let nans = if nan_canonicalization { "true" } else { "false" };
        for (name, value) in [
            ("opt_level", opt_level),
            ("enable_nan_canonicalization", nans),
            ("enable_pinned_reg", if self.has_pinned_register() { "true" } else { "false" }),
            ("is_pic", "false"),
            ("preserve_frame_pointers", "true"),
            // Boards have nothing below a stack that a probe could meet: code compares with a limit there.
            ("enable_probestack", if self.is_board() { "false" } else { "true" }),
            ("probestack_strategy", "inline"),
            ("log2_min_function_alignment", "2"),
            ("regalloc_algorithm", registers.setting()),
            ("enable_verifier", if cfg!(debug_assertions) { "true" } else { "false" }),
        ] {
            flags.set(name, value).map_err(|e| Error::new(format!("setting {name}: {e}")))?;
        }
        let unsupported = |e: &dyn std::fmt::Display| Error::new(format!("target {}: {e}", self.triple));
        let mut builder = match self.cpu.as_str() {
            // What compressed instructions would save is text; our tables count on four bytes each.
            "native" | "auto" if self.is_host() && !self.is_riscv64() => {
                cranelift_native::builder().map_err(|e| unsupported(&e))?
            }
            "native" if !self.is_host() => return Err(Error::new("--cpu native needs the host as target")),
            _ => isa::lookup(self.triple.clone()).map_err(|e| unsupported(&e))?,
        };
        if self.cpu == "auto" && self.is_x86_64() {
            BEYOND_V3.iter().try_for_each(|name| builder.set(name, "false")).map_err(|e| unsupported(&e))?;
        }
        let unknown = |e: &dyn std::fmt::Display| Error::new(format!("--cpu {}: {e}", self.cpu));
        match self.cpu.as_str() {
            "native" | "baseline" | "auto" => {}
            "rv64gc" if self.is_riscv64() => {}
            "rv64gcv" if self.is_riscv64() => builder.enable("has_v").map_err(|e| unknown(&e))?,
            _ if self.is_riscv64() => return Err(unknown(&"riscv64 has rv64gc and rv64gcv")),
            model => builder.enable(model).map_err(|e| unknown(&e))?,
        }
        builder.finish(settings::Flags::new(flags)).map_err(|e| unsupported(&e))
    }
}

#[cfg(test)]
mod tests {
    use super::{TARGETS, Target};

    fn canonical(text: &str) -> String {
        Target::parse(text).unwrap_or_else(|e| panic!("{e}")).triple.to_string()
    }

    #[test]
    fn all_listed_targets_are_known_by_their_names() {
        for (name, _) in TARGETS {
            assert_eq!(canonical(name), *name);
        }
    }

    #[test]
    fn others_spellings_are_known() {
        for name in ["arm64-apple-macos", "aarch64-macos", "arm64-apple-macosx11.0.0", "aarch64-apple-darwin20.1.0"] {
            assert_eq!(canonical(name), "aarch64-apple-darwin");
        }
        assert_eq!(canonical("x86_64-w64-mingw32"), "x86_64-pc-windows-gnu");
        assert_eq!(canonical("x86_64-windows-gnu"), "x86_64-pc-windows-gnu");
        assert_eq!(canonical("x86_64-pc-windows-gnullvm"), "x86_64-pc-windows-gnullvm");
        assert_eq!(canonical("aarch64-windows-gnu"), "aarch64-pc-windows-gnullvm");
        assert_eq!(canonical("arm64-pc-windows-msvc"), "aarch64-pc-windows-msvc");
        for name in ["aarch64-none-elf", "aarch64-elf", "arm64-none-elf", "aarch64-unknown-none-elf", "aarch64-none"] {
            assert_eq!(canonical(name), "aarch64-unknown-none");
        }
        for name in ["x86_64-unknown-none", "aarch64-unknown", "aarch64-unknown-none-softfloat"] {
            assert!(Target::parse(name).is_err(), "{name:?}");
        }
        for name in ["x86_64-pc-windows-cygnus", "i686-pc-windows-gnu", "powerpc-apple-darwin", "windows", ""] {
            assert!(Target::parse(name).is_err(), "{name:?}");
        }
    }
}
