//! What other build systems find palisade by: a CMake package and a file for pkg-config, in the cache folder.

use super::{Compiler, runtime};
use crate::error::Result;
use crate::target::Target;
use std::path::PathBuf;

static CMAKE: &str = include_str!("PalisadeConfig.cmake");

/// A folder with `PalisadeConfig.cmake`.
pub fn cmake_dir() -> Result<PathBuf> {
    runtime::cached_file("cmake", "PalisadeConfig.cmake", CMAKE)
}

/// A folder with `palisade.pc`, for `PKG_CONFIG_PATH`.
pub fn pkg_config_dir(target: &Target, cc: Option<&str>) -> Result<PathBuf> {
    // Spaces end arguments, and a quote or backslash is what escapes them.
    let quoted = |path: PathBuf| path.display().to_string().replace('\\', "\\\\").replace(' ', "\\ ");
    let libraries = Compiler::find(target, cc)?.libraries().join(" ");
    let text = format!(
        "Name: palisade\nDescription: runtime of WebAssembly modules compiled by Palisade\nVersion: {}\nCflags: -I{}\nLibs: {} {libraries}\n",
        env!("CARGO_PKG_VERSION"),
        quoted(runtime::include_dir()?),
        quoted(runtime::archive(target, cc)?),
    );
    runtime::cached_file("pkg-config", "palisade.pc", &text)
}
