//! From cc's habits to clap's: `-lm`, `-Wl,…`, `-static` keep their place among the inputs, `-MD` and `--enable-NAME`
//! become options that clap can describe.

use std::ffi::OsString;

/// Marks an argument for the linker among the inputs; no file name begins with it.
const LINK_MARK: char = '\u{1}';

/// Arguments that go to the C compiler as they are.
fn is_for_linker(arg: &str) -> bool {
    const EXACT: &[&str] =
        &["-static", "-static-pie", "-pthread", "-pie", "-no-pie", "-rdynamic", "-nostdlib", "-nostartfiles"];
    const PREFIX: &[&str] = &["-l", "-L", "-I", "-D", "-Wl,", "-fuse-ld=", "-fsanitize=", "-B"];
    EXACT.contains(&arg) || PREFIX.iter().any(|p| arg.len() > p.len() && arg.starts_with(p))
}

/// Rewrites the arguments (the first is the program) for clap.
pub fn prepare(args: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut out = Vec::new();
    let mut args = args.into_iter();
    out.extend(args.next());
    while let Some(arg) = args.next() {
        let Some(text) = arg.to_str() else {
            out.push(arg);
            continue;
        };
        match text {
            "--" => {
                out.push(arg);
                out.extend(args.by_ref());
            }
            "-l" | "-L" | "-I" | "-D" => {
                // The value is the next argument.
                let value = args.next().unwrap_or_default();
                out.push(marked(&format!("{text}{}", value.to_string_lossy())));
            }
            "-MD" => out.push("--MD".into()),
            "-MF" => out.push("--MF".into()),
            "--disable-pass" => out.push(arg),
            _ if is_for_linker(text) => out.push(marked(text)),
            _ => match text.strip_prefix("--enable-").map(|n| ("--enable", n)).or_else(|| {
                let name = text.strip_prefix("--disable-").filter(|n| !n.starts_with("pass="))?;
                Some(("--disable", name))
            }) {
                Some((option, name)) => out.extend([option.into(), name.into()]),
                None => out.push(arg),
            },
        }
    }
    out
}

fn marked(arg: &str) -> OsString {
    format!("{LINK_MARK}{arg}").into()
}

/// The argument for the linker that an input stands for.
pub fn linker_argument(input: &OsString) -> Option<&str> {
    input.to_str()?.strip_prefix(LINK_MARK)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prepared(args: &[&str]) -> Vec<String> {
        let args = std::iter::once("palisade").chain(args.iter().copied()).map(OsString::from);
        prepare(args).into_iter().skip(1).map(|a| a.into_string().expect("text")).collect()
    }

    #[test]
    fn linker_arguments_keep_their_place() {
        assert_eq!(prepared(&["a.wasm", "-lm", "b.o", "-L", "x"]), ["a.wasm", "\u{1}-lm", "b.o", "\u{1}-Lx"]);
        assert_eq!(linker_argument(&"\u{1}-lm".into()), Some("-lm"));
    }

    #[test]
    fn features_are_options() {
        assert_eq!(prepared(&["--enable-simd", "--disable-pass", "x"]), ["--enable", "simd", "--disable-pass", "x"]);
        assert_eq!(prepared(&["--disable-pass=x", "--", "--enable-simd"]), ["--disable-pass=x", "--", "--enable-simd"]);
    }
}
