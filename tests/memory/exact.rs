//! Memories that their owner protects to the byte, in other modules: those check the same, or they are not linked.

use crate::CHECKS;
use crate::support::{check_c, compile_memories as compile, machines, scratch};

const OWNER: &str = r#"(module (memory (export "memory") 4) (memory (export "pages") 4))"#;

fn user(memory: &str) -> String {
    format!(
        r#"(module (import "owner" "{memory}" (memory 4))
          (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
          (func (export "store") (param i32) (i32.store (local.get 0) (i32.const 1))))"#
    )
}

const SAME: &str = "0:no-access=1001,read-only=502,exact";
/// Modules that use the owner's memory: name, which one, spec.
const USERS: &[(&str, &str, &[&str])] = &[
    ("same", "memory", &[SAME]),
    ("same_checked", "memory", &[SAME, "0:mode=checked"]),
    ("same_auto", "memory", &[SAME, "0:mode=auto"]),
    ("naive", "memory", &[]),
    ("naive_checked", "memory", &["0:mode=checked"]),
    ("bindable", "memory", &["0:bind"]),
    ("wrong", "memory", &["0:no-access=1002,read-only=501,exact"]),
    ("whole", "pages", &[]),
    ("whole_wrong", "pages", &[SAME]),
];

const HOST: &str = r#"
#define GOES(MOD, hidden, constant) do { \
	struct MOD *made; \
	CHECK(pal_##MOD##_instantiate(&made, owner) == PAL_TRAP_NONE); \
	MOD##_tried = made; \
	TRY(MOD, load, (hidden) - 1, PAL_TRAP_MEMORY_PROTECTED); \
	TRY(MOD, load, (hidden), PAL_TRAP_NONE); \
	TRY(MOD, store, (constant) - 1, PAL_TRAP_MEMORY_PROTECTED); \
	TRY(MOD, load, (constant) - 1, PAL_TRAP_NONE); \
	TRY(MOD, store, (constant), PAL_TRAP_NONE); \
	pal_##MOD##_free(made); \
} while (0)
#define TRY(MOD, what, place, expected) do { \
	at = place; \
	CHECK(pal_try(MOD##_try_##what, NULL) == expected); \
	if (expected != PAL_TRAP_NONE) \
		CHECK(pal_last_trap()->memory == 0 && pal_last_trap()->address == (uint64_t)at); \
} while (0)
#define REFUSED(MOD, text) do { \
	struct MOD *made; \
	CHECK(pal_##MOD##_instantiate(&made, owner) == PAL_TRAP_LINK && made == NULL); \
	if (strcmp(pal_last_trap()->message, text) != 0) \
		puts(pal_last_trap()->message); \
	CHECK(strcmp(pal_last_trap()->message, text) == 0); \
} while (0)
static void refused(void)
{
	const char *ends = ": compile it with the same no-access and read-only, and exact";
	char text[500];
#define SAYS(MOD, provided, checked) do { \
	snprintf(text, sizeof text, "module \"" #MOD "\": import \"owner\" \"%s%s%s", provided, checked, ends); \
	REFUSED(MOD, text); \
} while (0)
	const char *exact = "memory\": its module \"owner\" protects it to the byte (no access below 1001, read-only from 1001 to 1503)";
	const char *whole = "pages\": its module \"owner\" protects it to the byte (no access below 0)";
	char both[300];
	snprintf(both, sizeof both, "%s, but the code of module \"", exact);
	SAYS(naive, both, "naive\" checks nothing of that");
	SAYS(naive_checked, both, "naive_checked\" checks nothing of that");
	SAYS(bindable, both, "bindable\" checks nothing of that");
	SAYS(wrong, both, "wrong\" checks other bytes (no access below 1002, read-only from 1002 to 1503)");
	snprintf(both, sizeof both, "%s, but the code of module \"", whole);
	SAYS(whole_wrong, both, "whole_wrong\" checks other bytes (no access below 1001, read-only from 1001 to 1503)");
}
int main(void)
{
	CHECK(pal_owner_instantiate(&owner) == PAL_TRAP_NONE);
	GOES(same, 1001, 1503);
	GOES(same_checked, 1001, 1503);
	GOES(same_auto, 1001, 1503);
	GOES(whole, 65536, 131072);
	refused();
	/* bound later */
	struct box *box;
	CHECK(pal_box_instantiate(&box) == PAL_TRAP_NONE);
	CHECK(pal_box_bind_memory(box, 0, owner_memory(owner)) == PAL_E_STATE);
	CHECK(pal_box_bind_memory(box, 0, owner_pages(owner)) == PAL_OK);
	pal_box_free(box);
	pal_owner_free(owner);
	puts("all good");
	return 0;
}
"#;

#[test]
fn what_is_protected_to_the_byte_is_so_for_other_modules() {
    for machine in machines() {
        let dir = scratch();
        // `pages` is whole pages: no checks are needed in other modules' code.
        let specs = [
            "memory:mode=guard,no-access=1001,read-only=502,exact",
            "pages:mode=guard,no-access=64KiB,read-only=64KiB",
        ];
        let mut objects = vec![
            compile(&machine, dir.path(), "owner", OWNER, &specs),
            compile(&machine, dir.path(), "box", "(module (memory 1))", &["0:bind"]),
        ];
        let mut c = format!(
            "{CHECKS}#include \"owner.h\"\n#include \"box.h\"\nstatic struct owner *owner;\nstatic int32_t at;\n"
        );
        for (name, memory, spec) in USERS {
            objects.push(compile(&machine, dir.path(), name, &user(memory), spec));
            c += &format!("#include \"{name}.h\"\nstatic struct {name} *{name}_tried;\n");
            for (what, call) in [("load", "load(MOD_tried, at)"), ("store", "store(MOD_tried, at)")] {
                let function = format!("static void MOD_try_{what}(void *p) {{ (void)p; MOD_{call}; }}\n");
                c += &function.replace("MOD", name);
            }
        }
        let flags = ["-Wno-unused-function", "-Wno-unused-variable"];
        check_c(&machine, dir.path(), &format!("{c}{HOST}"), &objects, &flags);
    }
}
