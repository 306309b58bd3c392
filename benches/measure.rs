//! Running a program and seeing what it took.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

/// What a process used.
#[derive(Debug, Clone)]
pub struct Usage {
    /// CPU seconds outside the kernel; what the program says it took on a line `@user SECONDS`, if it does.
    pub user: f64,
    /// Seconds.
    pub wall: f64,
    /// Peak resident memory in MB.
    pub peak: f64,
    /// What it wrote on standard output.
    pub output: String,
}

/// Runs a command to its end; it must succeed.
#[expect(clippy::zombie_processes, reason = "wait4 waits for it and tells what it used")]
pub fn measure(command: &mut Command) -> Usage {
    let started = Instant::now();
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let id = child.id();
    // The pipes hold what little these programs print, so they can be read after the end.
    let (status, usage) = wait(id);
    let wall = started.elapsed().as_secs_f64();
    let (mut output, mut errors) = (String::new(), String::new());
    use std::io::Read as _;
    child.stdout.expect("piped").read_to_string(&mut output).expect("text");
    child.stderr.expect("piped").read_to_string(&mut errors).expect("text");
    assert_eq!(status, 0, "{command:?} failed: {errors}");
    let said = errors.lines().find_map(|l| l.strip_prefix("@user ")).and_then(|s| s.parse().ok());
    let time = usage.ru_utime.tv_sec as f64 + usage.ru_utime.tv_usec as f64 / 1e6;
    Usage { user: said.unwrap_or(time), wall, peak: usage.ru_maxrss as f64 / 1024.0, output }
}

fn wait(id: u32) -> (i32, libc::rusage) {
    let mut status = 0;
    // SAFETY: all zeros is a valid rusage; both pointers are to live variables; the child is ours and not waited for
    // elsewhere.
    unsafe {
        let mut usage = std::mem::zeroed();
        let ended = libc::wait4(id as libc::pid_t, &mut status, 0, &mut usage);
        assert_eq!(ended, id as libc::pid_t, "the child can be waited for");
        (status, usage)
    }
}

/// The middle of some numbers.
pub fn median(numbers: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = numbers.collect();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// The geometric mean.
pub fn geomean(numbers: &[f64]) -> f64 {
    (numbers.iter().map(|n| n.ln()).sum::<f64>() / numbers.len() as f64).exp()
}

/// Instructions by function, as callgrind counts them.
pub fn count(executable: &Path) -> BTreeMap<String, u64> {
    let out = executable.with_extension("callgrind");
    measure(
        Command::new("valgrind")
            .args(["--tool=callgrind", "--compress-strings=no", "--compress-pos=no"])
            .arg(format!("--callgrind-out-file={}", out.display()))
            .arg(executable),
    );
    let text = std::fs::read_to_string(out).expect("callgrind's output");
    let mut counts = BTreeMap::new();
    let mut function = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(name) = line.strip_prefix("fn=") {
            // "name'2": called by itself.
            function = name.split('\'').next().unwrap_or(name).to_owned();
        } else if line.starts_with("calls=") {
            lines.next(); // what the callee cost, which is listed there
        } else if line.starts_with(|c: char| c.is_ascii_digit() || "+-*".contains(c)) {
            let cost = line.split_whitespace().nth(1).and_then(|n| n.parse::<u64>().ok()).unwrap_or(0);
            *counts.entry(function.clone()).or_insert(0) += cost;
        }
    }
    counts
}
