//! What was measured with: figures mean nothing without it.

use std::process::Command;

/// The CPU, the system, and the versions of the contenders that are there.
pub fn describe() -> Vec<(String, String)> {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|l| l.strip_prefix("model name")).and_then(|l| l.split_once(": "));
    let cores = std::thread::available_parallelism().map_or(1, |n| n.get());
    let mut all = vec![
        ("cpu".to_owned(), model.map_or("unknown", |(_, name)| name).to_owned()),
        ("cores".to_owned(), cores.to_string()),
    ];
    let versions: [(&str, &[&str]); 7] = [
        ("system", &["uname", "-sr"]),
        ("palisade", &[crate::PALISADE, "--version"]),
        ("wasmtime", &["python3", "-c", "import importlib.metadata as m; print(m.version('wasmtime'))"]),
        ("wasm2c", &["wasm2c", "--version"]),
        ("clang", &["clang", "--version"]),
        ("gcc", &["gcc", "--version"]),
        ("zig", &["python3", "-m", "ziglang", "version"]),
    ];
    all.extend(versions.iter().filter_map(|(name, command)| Some(((*name).to_owned(), first_line(command)?))));
    all
}

fn first_line(command: &[&str]) -> Option<String> {
    let output = Command::new(command[0]).args(&command[1..]).output().ok().filter(|o| o.status.success())?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().next().map(|line| line.trim().to_owned())
}
