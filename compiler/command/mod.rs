//! The command: options, what they ask for, and how it ends.

mod arguments;
mod build;
mod options;
mod output;
mod print;
mod program;
mod progress;
mod run;

use options::Command;
use palisade::Error;
use std::process::ExitCode;

/// An error of one input, or of the whole run.
#[derive(Debug)]
pub struct Failure {
    /// The input's name.
    file: Option<String>,
    error: Error,
}

impl Failure {
    fn of(file: &str, error: Error) -> Failure {
        Failure { file: Some(file.to_owned()), error }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure { file: None, error }
    }
}

/// Runs the command; the exit status is 0, 1 for failures, 2 for wrong usage.
pub fn main() -> ExitCode {
    let command = match options::parse(std::env::args_os()) {
        Ok(command) => command,
        Err(status) => return status,
    };
    outlive_size_limits();
    match execute(&command) {
        Ok(status) => status,
        Err(Failure { file, error }) => {
            match file {
                Some(file) => output::complain(&format!("palisade: error: {file}: {error}")),
                None => output::complain(&format!("palisade: error: {error}")),
            }
            ExitCode::from(1)
        }
    }
}

/// Where a file may not grow further (`ulimit -f`), a write fails, with a message and without leaving anything behind,
/// instead of a signal ending this process or the linker. The standard library has no call for it.
fn outlive_size_limits() {
    #[cfg(unix)]
    {
        unsafe extern "C" {
            fn signal(number: std::ffi::c_int, handler: usize) -> usize;
        }
        const SIGXFSZ: std::ffi::c_int = 25; // Linux and macOS
        const SIG_IGN: usize = 1;
        // SAFETY: C's signal(), with a handler that every system with this signal has; no other thread runs yet.
        unsafe { signal(SIGXFSZ, SIG_IGN) };
    }
}

fn execute(command: &Command) -> Result<ExitCode, Failure> {
    if let Some(jobs) = command.options.jobs {
        // Fails only if a pool exists, and nothing has made one yet.
        let _ = rayon::ThreadPoolBuilder::new().num_threads(jobs).build_global();
    }
    if let Some(what) = command.options.print {
        print::print(command, what)?;
    } else if command.options.run {
        return run::run(command);
    } else {
        build::build(command)?;
    }
    Ok(ExitCode::SUCCESS)
}
