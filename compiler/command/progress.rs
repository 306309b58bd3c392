//! A progress bar on terminals, once a module takes more than a second.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Gives what is called for each of `functions` compiled functions.
pub fn progress(file: &str, functions: u64) -> palisade::Progress {
    let bar = ProgressBar::with_draw_target(Some(functions), ProgressDrawTarget::hidden());
    let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} functions, {eta} left");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_message(file.to_owned());
    let (start, shown) = (Instant::now(), AtomicBool::new(false));
    let bar = Finish(bar);
    Box::new(move || {
        bar.0.inc(1);
        let late = start.elapsed() > Duration::from_secs(1);
        if late && !shown.swap(true, Ordering::Relaxed) {
            // Draws nothing unless standard error is a terminal.
            bar.0.set_draw_target(ProgressDrawTarget::stderr());
        }
    })
}

/// Clears the bar when the work is done or has failed.
struct Finish(ProgressBar);

impl Drop for Finish {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
