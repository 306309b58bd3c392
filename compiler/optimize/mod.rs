//! Between Cranelift's optimizer and its back ends: small passes over the IR of one function, each in a file that says
//! at its top which code it turns into which. `--disable-pass NAME` leaves one out. They leave blocks and branches
//! between them as they are.

mod loop_test;

use cranelift_codegen::ir::Function;

/// A pass.
pub struct Pass {
    /// Its name on the command line.
    pub name: &'static str,
    run: fn(&mut Function),
}

/// All passes, in the order they run.
pub const PASSES: &[Pass] = &[Pass { name: "loop-test", run: loop_test::run }];

/// The passes a compilation uses.
#[derive(Debug, Clone, Default)]
pub struct Disabled(Vec<String>);

impl Disabled {
    /// Leaves a pass out; false if there is none of that name.
    pub fn add(&mut self, name: &str) -> bool {
        let known = PASSES.iter().any(|p| p.name == name);
        if known {
            self.0.push(name.to_owned());
        }
        known
    }

    /// Leaves all out: `-O0`.
    pub fn all() -> Disabled {
        Disabled(PASSES.iter().map(|p| p.name.to_owned()).collect())
    }
}

/// Runs the passes over a function.
pub fn optimize(func: &mut Function, disabled: &Disabled) {
    for pass in PASSES {
        if !disabled.0.iter().any(|name| name == pass.name) {
            (pass.run)(func);
        }
    }
}
