//! `--print`.

use super::options::{Command, Print};
use super::{Failure, output};
use palisade::link::Compiler;
use palisade::read::FEATURES;
use palisade::{runtime, target};
use std::fmt::Write as _;
use std::path::Path;

/// Prints what was asked for, one thing a line or flags on one line.
pub fn print(command: &Command, what: Print) -> Result<(), Failure> {
    let mut out = String::new();
    let mut line = |text: std::fmt::Arguments<'_>| writeln!(out, "{text}").expect("writing to a string");
    match what {
        Print::Cflags => line(format_args!("-I{}", runtime::include_dir()?.display())),
        Print::Libs => {
            let cc = command.options.cc.as_deref();
            let archive = runtime::archive(&command.target, cc)?;
            let libraries = Compiler::find(&command.target, cc)?.libraries().join(" ");
            line(format_args!("{} {libraries}", archive.display()));
        }
        Print::IncludeDir => line(format_args!("{}", runtime::include_dir()?.display())),
        Print::RtSources => {
            let folder = runtime::sources_dir()?;
            runtime::source_names().for_each(|name| line(format_args!("{}", folder.join(name).display())));
        }
        Print::Targets => target::TARGETS.iter().for_each(|(name, state)| line(format_args!("{name:32} {state}"))),
        Print::Features => {
            for feature in FEATURES {
                let on = if command.features.has(feature.name) { "on" } else { "off" };
                let state =
                    if feature.compiled { "compiled" } else { "not supported: modules that use it are refused" };
                line(format_args!("{:24} {on:4} {state}", feature.name));
            }
        }
    }
    Ok(output::write(Path::new("-"), out.as_bytes())?)
}
