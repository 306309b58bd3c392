//! C hosts, with the runtime inside, built for clang's sanitizers.

use super::{root, run, runtime_sources};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What clang calls them: data races; reads and writes, leaks, what C leaves undefined.
pub const SANITIZERS: [&str; 2] = ["thread", "address,undefined"];

/// Its flags for one.
pub fn clang_flags(sanitizer: &str) -> Vec<String> {
    let sanitize = format!("-fsanitize={sanitizer}");
    ["-std=gnu11", "-g", "-O1", "-fexceptions", "-fno-omit-frame-pointer", "-fno-sanitize-recover=all", &sanitize]
        .map(str::to_owned)
        .to_vec()
}

/// GCC's flags for the second one. Without "null": see tests/rt/run.sh.
pub const GCC_FLAGS: &[&str] = &[
    "-std=gnu11",
    "-g",
    "-O1",
    "-fexceptions",
    "-fno-omit-frame-pointer",
    "-fsanitize=address,undefined",
    "-fno-sanitize=null",
    "-fno-sanitize-recover=all",
];

/// The runtime's objects by a compiler with these flags: made once, whichever test wants them first.
pub fn runtime_objects<S: AsRef<str>>(compiler: &str, flags: &[S]) -> Vec<PathBuf> {
    let flags: Vec<&str> = flags.iter().map(AsRef::as_ref).collect();
    let sources = runtime_sources();
    let mut hasher = DefaultHasher::new();
    (compiler, &flags, palisade::runtime::identity()).hash(&mut hasher);
    let parent = Path::new(env!("CARGO_TARGET_TMPDIR")).join("runtimes");
    let folder = parent.join(format!("{:016x}", hasher.finish()));
    if !folder.is_dir() {
        std::fs::create_dir_all(&parent).expect("a folder");
        let made = tempfile::tempdir_in(&parent).expect("a folder");
        let half = sources.len().div_ceil(2);
        std::thread::scope(|scope| {
            for sources in sources.chunks(half) {
                let mut cc = Command::new(compiler);
                cc.current_dir(made.path()).args(&flags).arg("-I").arg(root().join("include"));
                cc.arg("-I").arg(root().join("rt")).arg("-c").args(sources);
                scope.spawn(move || run(&mut cc).expect(0));
            }
        });
        // Unless another test was faster.
        let _ = std::fs::rename(made.path(), &folder);
    }
    let object = |source: &PathBuf| folder.join(source.with_extension("o").file_name().expect("a file"));
    sources.iter().map(object).collect()
}

/// The runtime, built for a sanitizer, with a folder for what is linked with it.
pub struct Sanitized<'s> {
    dir: &'s Path,
    sanitizer: &'s str,
    runtime: Vec<PathBuf>,
}

impl<'s> Sanitized<'s> {
    /// Compiles the runtime.
    pub fn new(dir: &'s Path, sanitizer: &'s str) -> Sanitized<'s> {
        Sanitized { dir, sanitizer, runtime: runtime_objects("clang", &clang_flags(sanitizer)) }
    }

    fn clang(&self) -> Command {
        let mut clang = Command::new("clang");
        clang.args(clang_flags(self.sanitizer));
        for folder in [&root().join("include"), &root().join("rt"), self.dir] {
            clang.arg("-I").arg(folder);
        }
        clang
    }

    /// Links a C file of ours with modules, whose headers are in the folder, and expects its program to print this, and
    /// the sanitizer to have nothing to say.
    #[track_caller]
    pub fn expect(&self, source: &str, modules: &[PathBuf], printed: &str) {
        let program = self.dir.join("program");
        let mut clang = self.clang();
        clang.arg(root().join(source)).args(modules).args(&self.runtime);
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
