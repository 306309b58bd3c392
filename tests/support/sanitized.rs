//! C hosts, with the runtime inside, built for clang's sanitizers.

use super::{root, run, runtime_sources};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What clang calls them: data races; reads and writes, leaks, what C leaves undefined.
pub const SANITIZERS: [&str; 2] = ["thread", "address,undefined"];

/// The runtime, built for a sanitizer in a folder.
pub struct Sanitized<'s> {
    dir: &'s Path,
    sanitizer: &'s str,
}

impl<'s> Sanitized<'s> {
    /// Compiles the runtime.
    pub fn new(dir: &'s Path, sanitizer: &'s str) -> Sanitized<'s> {
        let sanitized = Sanitized { dir, sanitizer };
        run(sanitized.clang().arg("-c").args(runtime_sources())).expect(0);
        sanitized
    }

    fn clang(&self) -> Command {
        let mut clang = Command::new("clang");
        clang.current_dir(self.dir).args(["-std=gnu11", "-g", "-O1", "-fexceptions", "-fno-omit-frame-pointer"]);
        clang.args(["-fno-sanitize-recover=all", &format!("-fsanitize={}", self.sanitizer), "-I"]);
        clang.arg(root().join("include")).arg("-I").arg(root().join("rt")).arg("-I").arg(self.dir);
        clang
    }

    /// Links a C file of ours with modules, whose headers are in the folder, and expects its program to print this, and
    /// the sanitizer to have nothing to say.
    #[track_caller]
    pub fn expect(&self, source: &str, modules: &[PathBuf], printed: &str) {
        let program = self.dir.join("program");
        let object = |source: &PathBuf| source.with_extension("o").file_name().expect("a file").to_owned();
        let mut clang = self.clang();
        clang.arg(root().join(source)).args(modules).args(runtime_sources().iter().map(object));
        run(clang.args(["-pthread", "-lm", "-o"]).arg(&program)).expect(0);
        // Theirs would take the signals that become traps.
        let options = "handle_segv=0:handle_sigbus=0:handle_sigill=0:handle_sigfpe=0";
        let mut command = Command::new(&program);
        command.env("ASAN_OPTIONS", options).env("TSAN_OPTIONS", options).env("UBSAN_OPTIONS", "print_stacktrace=1");
        let ran = run(&mut command);
        let seen = (ran.status, &*ran.stdout(), &*ran.stderr());
        assert_eq!(seen, (0, printed, ""), "{source} -fsanitize={}", self.sanitizer);
    }
}
