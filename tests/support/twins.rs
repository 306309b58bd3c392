//! One module as two objects, `m` with our passes and `n` without: they must do the same.

use super::{Machine, compile_wat, compile_with, link_c, machines, run, scratch};
use palisade::Options;
use palisade::optimize::Disabled;
use std::path::{Path, PathBuf};

/// A host in C that calls functions `f0`, `f1`, … of both, each with a few arguments: same trap or result, same memory.
pub struct Calls<'a> {
    /// How many functions there are, of type `(i32) -> i32`.
    pub functions: u32,
    /// Arguments, in C.
    pub args: &'a str,
    /// Statements in front of each pair of calls.
    pub first: &'a str,
    /// Whether the memories of both differ.
    pub differs: &'a str,
    /// So many calls must return, and so many trap: else little was compared.
    pub least: (u32, u32),
}

impl Calls<'_> {
    /// The host.
    pub fn host(&self) -> String {
        let Calls { functions, args, first, differs, least: (done, trapped) } = self;
        let names = |module: &str| (0..*functions).map(|k| format!("{module}_f{k}")).collect::<Vec<_>>().join(", ");
        let (with, without) = (names("m"), names("n"));
        format!(
            r#"#include "m.h"
#include "n.h"
#include <stdio.h>
#include <string.h>
static int32_t (*const with[])(struct m *, int32_t) = {{{with}}};
static int32_t (*const without[])(struct n *, int32_t) = {{{without}}};
static int32_t sum;
static uint32_t arg;
typedef int32_t m_function(struct m *, int32_t);
typedef int32_t n_function(struct n *, int32_t);
struct m_call {{ struct m *m; m_function *f; }};
struct n_call {{ struct n *n; n_function *f; }};
static void call_m(void *p) {{ struct m_call *c = p; sum = c->f(c->m, (int32_t)arg); }}
static void call_n(void *p) {{ struct n_call *c = p; sum = c->f(c->n, (int32_t)arg); }}

int main(void)
{{
	struct m *m;
	struct n *n;
	if (pal_m_instantiate(&m) != PAL_TRAP_NONE || pal_n_instantiate(&n) != PAL_TRAP_NONE)
		return 1;
	unsigned done = 0, trapped = 0;
	for (unsigned k = 0; k < sizeof with / sizeof *with; k++) {{
		static const uint32_t args[] = {{{args}}};
		for (unsigned a = 0; a < sizeof args / sizeof *args; a++) {{
			struct m_call c = {{m, with[k]}};
			struct n_call d = {{n, without[k]}};
			arg = args[a];
			{first}
			sum = 0;
			pal_trap t = pal_try(call_m, &c);
			int32_t s = sum;
			sum = 0;
			pal_trap u = pal_try(call_n, &d);
			if (t != u || s != sum)
				printf("f%u(%u): %d %d, %d %d\n", k, arg, t, s, u, sum);
			if ({differs})
				printf("f%u(%u): memory\n", k, arg);
			done += t == 0;
			trapped += t != 0;
		}}
	}}
	if (done < {done} || trapped < {trapped})
		printf("%u done, %u trapped\n", done, trapped);
	return 0;
}}
"#
        )
    }
}

/// The host finds nothing to say of the two, on any machine. `what` is said if it does.
pub fn agree(wat: &str, host: &str, what: &str) {
    for machine in machines() {
        let dir = scratch();
        let with = compile_wat(&machine, dir.path(), "m", wat);
        let without = without_passes(&machine, dir.path(), "n", wat);
        silent(&machine, dir.path(), host, &[with, without], what);
    }
}

/// The host, linked with objects, prints nothing.
pub fn silent(machine: &Machine, dir: &Path, host: &str, objects: &[PathBuf], what: &str) {
    let program = link_c(machine, dir, host, objects, &[]);
    assert_eq!(run(&mut machine.command(&program)).expect(0).stdout(), "", "{} {what}", machine.name());
}

pub fn without_passes(machine: &Machine, dir: &Path, name: &str, wat: &str) -> PathBuf {
    let mut options = Options::new(name);
    options.target = machine.target();
    options.disabled_passes = Disabled::all();
    compile_with(dir, wat.as_bytes(), &options)
}
