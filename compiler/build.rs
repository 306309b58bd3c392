//! For `build.rs` of Rust packages that link wasm modules: `palisade` as a build dependency, and
//!
//! ```no_run
//! palisade::build::Module::new("kernel.wasm").compile();
//! ```
//!
//! The package's code then has `include!(concat!(env!("OUT_DIR"), "/kernel.rs"));`, which declares the module's functions
//! under the names that its C header has (it is beside, as `kernel.h`).

use crate::error::{Error, Result};
use crate::link::runtime;
use crate::plan::module_name;
use crate::{Options, Target, compile};
use std::path::{Path, PathBuf};
use std::{env, fs};

/// A module to compile and link.
pub struct Module {
    file: PathBuf,
    options: Options,
    out: Option<PathBuf>,
}

impl Module {
    /// A `.wasm` or `.wat` file; its C name is the file's stem.
    pub fn new(file: impl Into<PathBuf>) -> Module {
        let file = file.into();
        let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let mut options = Options::new(&module_name(&stem));
        options.file = file.display().to_string();
        Module { file, options, out: None }
    }

    /// Another C name.
    #[must_use]
    pub fn name(mut self, name: &str) -> Module {
        name.clone_into(&mut self.options.name);
        self
    }

    /// Changes options of the compiler. The target is cargo's unless it is changed here.
    #[must_use]
    pub fn options(mut self, change: impl FnOnce(&mut Options)) -> Module {
        change(&mut self.options);
        self
    }

    /// Writes to this folder instead of `OUT_DIR`.
    #[must_use]
    pub fn out_dir(mut self, folder: impl Into<PathBuf>) -> Module {
        self.out = Some(folder.into());
        self
    }

    /// Compiles, and tells cargo what to link and to watch. Ends the build with a message if that fails.
    pub fn compile(self) {
        match self.try_compile() {
            Ok(lines) => lines.iter().for_each(|line| println!("{line}")),
            Err(e) => {
                eprintln!("palisade: error: {e}");
                std::process::exit(1);
            }
        }
    }

    /// Compiles, and gives the lines for cargo.
    pub fn try_compile(mut self) -> Result<Vec<String>> {
        let out = match self.out.take().or_else(|| env::var_os("OUT_DIR").map(PathBuf::from)) {
            Some(out) => out,
            None => return Err(Error::new("OUT_DIR is not set: this is for build scripts")),
        };
        if let (Ok(triple), true) = (env::var("TARGET"), self.options.target.is_host()) {
            self.options.target = Target::parse(&triple)?;
        }
        let name = &self.options.name;
        let bytes = fs::read(&self.file).map_err(|e| Error::new(format!("{}: {e}", self.file.display())))?;
        let object = compile(&bytes, &self.options)?;
        let path = out.join(format!("{name}.o"));
        write(&path, &object.bytes)?;
        write(&out.join(format!("{name}.h")), object.header?.as_bytes())?;
        write(&out.join(format!("{name}.rs")), object.bindings.as_bytes())?;
        let cc = env::var("CC").ok().filter(|_| !self.options.target.is_host());
        let library = out.join(format!("libpal_module_{name}.a"));
        runtime::write_module_library(&self.options.target, cc.as_deref(), &[path], &library)?;
        let runtime = runtime::archive(&self.options.target, cc.as_deref())?;
        let folder = runtime.parent().expect("it is in the cache");
        Ok(vec![
            format!("cargo::rerun-if-changed={}", self.file.display()),
            format!("cargo::rustc-link-search=native={}", out.display()),
            format!("cargo::rustc-link-lib=static=pal_module_{name}"),
            format!("cargo::rustc-link-search=native={}", folder.display()),
            "cargo::rustc-link-lib=static=palisade".to_owned(),
        ])
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).map_err(|e| Error::new(format!("can't write {}: {e}", path.display())))
}
