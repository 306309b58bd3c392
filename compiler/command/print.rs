//! `--print`.

use super::Failure;
use super::options::{Command, Print};
use palisade::read::FEATURES;
use palisade::{runtime, target};

/// Prints what was asked for, one thing a line or flags on one line.
pub fn print(command: &Command, what: Print) -> Result<(), Failure> {
    match what {
        Print::Cflags => println!("-I{}", runtime::include_dir()?.display()),
        Print::Libs => {
            let archive = runtime::archive(&command.target, command.options.cc.as_deref())?;
            println!("{} -pthread -lm", archive.display());
        }
        Print::IncludeDir => println!("{}", runtime::include_dir()?.display()),
        Print::RtSources => {
            let folder = runtime::sources_dir()?;
            runtime::source_names().for_each(|name| println!("{}", folder.join(name).display()));
        }
        Print::Targets => target::TARGETS.iter().for_each(|(name, state)| println!("{name:32} {state}")),
        Print::Features => {
            for feature in FEATURES {
                let on = if command.features.has(feature.name) { "on" } else { "off" };
                let state =
                    if feature.compiled { "compiled" } else { "not supported: modules that use it are refused" };
                println!("{:24} {on:4} {state}", feature.name);
            }
        }
    }
    Ok(())
}
