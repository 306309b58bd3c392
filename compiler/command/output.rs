//! Files appear whole or not at all.

use palisade::{Error, Result};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Writes a file through a temporary one beside it. Devices and pipes are written directly; `-` is standard output.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    if path == Path::new("-") {
        // Flushed here: what fails at exit is not reported.
        let mut stdout = std::io::stdout();
        return stdout
            .write_all(bytes)
            .and_then(|()| stdout.flush())
            .map_err(|e| Error::new(format!("can't write to standard output: {e}")));
    }
    let failed = |e: &dyn std::fmt::Display| Error::new(format!("can't write {}: {e}", path.display()));
    if fs::metadata(path).is_ok_and(|m| !m.is_file()) {
        if path.is_dir() {
            return Err(failed(&"it is a directory"));
        }
        return fs::write(path, bytes).map_err(|e| failed(&e));
    }
    let mut file = temporary(path).map_err(|e| failed(&e))?;
    file.write_all(bytes).map_err(|e| failed(&e))?;
    file.persist(path).map_err(|e| failed(&e.error))?;
    Ok(())
}

/// A line on standard error. Where that can't be written either, the exit status still tells.
pub fn complain(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// A temporary file that can be renamed to `path`, with the rights a compiler's output has.
pub fn temporary(path: &Path) -> std::io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".palisade-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder_of(path))
}

/// The folder a file is in.
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// `-o`, or the stem of `input` with another extension, in the current folder as cc does.
pub fn name(output: Option<&OsString>, input: &OsStr, extension: &str) -> PathBuf {
    match output {
        Some(output) => output.into(),
        None => {
            let stem = Path::new(input).file_stem().unwrap_or(OsStr::new("a"));
            let mut name = stem.to_os_string();
            if !extension.is_empty() {
                name.push(".");
                name.push(extension);
            }
            name.into()
        }
    }
}
