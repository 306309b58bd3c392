/* What compiled code and the runtime must agree on: the instance's context, the tables inside an object, trap
 * sites, and the helpers that compiled code calls. `build.rs` reads every `#define PAL_… NUMBER` below into the
 * compiler (compiler/context.rs), so that a number stands in one place only; the static asserts at the end and the
 * writer's own length checks (compiler/write/module.rs) hold both sides to it.
 *
 * An object refers to the symbol `pal_abi_N` (N = PAL_ABI), so an object and a runtime of different versions do not
 * link. Raise PAL_ABI with every change of this file. */
#ifndef PAL_CONTEXT_H
#define PAL_CONTEXT_H
#include <stdint.h>
#include <stddef.h>

#define PAL_ABI 8

/* ---- Sizes --------------------------------------------------------------------------------------------------- */

/* Inaccessible bytes behind the 4 GiB of a guarded memory. Code adds and checks offsets explicitly where
 * offset + access size exceeds it (32 MiB is what Wasmtime found enough). */
#define PAL_GUARD_SIZE 33554432
/* Declared maxima up to this are reserved at once, so that the memory never moves; compiled code relies on it. */
#define PAL_RESERVE_MAX 4294967296
/* What must remain of the stack when wasm calls C: a fault inside libc can't be turned into a trap. */
#define PAL_STACK_RESERVE 65536

/* ---- The context --------------------------------------------------------------------------------------------
 * `P` is what the pinned register holds while an instance runs, and what `struct <mod> *` is for the host. The
 * context lies directly below P; memory 0 begins at P where the module owns it and its mode is not checked.
 * A distance D below means the address P - D; arrays run upwards from there. */
#define PAL_CONTEXT_INSTANCE 8      /* struct pal_instance * */
#define PAL_CONTEXT_STACK_LIMIT 16  /* lowest sp at which wasm may call C; 0 if the stack is unknown */
#define PAL_CONTEXT_STACK_ROOM 24   /* so much of the stack this instance last ran on lies above; 0 if unknown, then each
                                     * entry and call of C asks again */
#define PAL_CONTEXT_TRAP_ADDRESS 32 /* in front of a trap whose site says so: the access's address, see PAL_SITE_MEMORY */
#define PAL_CONTEXT_TRAP_MEMORY 40  /* with PAL_SITE_ANY_…: the memory's index */
#define PAL_CONTEXT_FIXED 40        /* the module's own part (globals first) begins below these */

/* A view: one memory or table as one instance sees it. Growing updates every view of the memory or table. */
struct pal_view {
	uint8_t *base;         /* address of byte 0, or of element 0 */
	uint64_t size;         /* accessible bytes of a memory; elements of a table */
	void *owner;           /* struct pal_memory * or struct pal_table * */
	struct pal_view *next; /* next view of the same owner */
	uint64_t writable;     /* of a memory: size, or 0 if all of it is read-only */
};
#define PAL_VIEW_BASE 0
#define PAL_VIEW_LENGTH 8
#define PAL_VIEW_WRITABLE 32
#define PAL_VIEW_SIZE 40

/* A function reference points to one of these, in the context of the instance that owns the function. Entries of
 * dynamic tables are such pointers (NULL: null). */
struct pal_func {
	const void *code; /* entry in the wasm calling convention */
	void *pinned;     /* P of its instance */
	uint32_t type;    /* interned type, see rt/type.h */
	uint32_t index;   /* function index in its module, for reports */
};
#define PAL_FUNC_CODE 0
#define PAL_FUNC_PINNED 8
#define PAL_FUNC_TYPE 16
#define PAL_FUNC_SIZE 24

/* A static table (never changed, seen by nobody outside) is read-only data: pairs of {code offset from the text
 * start, index of the type in the module}, both u32; a null entry has this type: */
#define PAL_STATIC_NULL 4294967295

/* An exception tag: an entity with an identity, in the context of the instance that defines it; importers have copies.
 * This is the pal_tag of palisade.h. */
struct pal_tag {
	uint64_t id;   /* never used twice in a process */
	uint32_t type; /* interned type: the parameters are what exceptions carry */
	uint32_t runtime; /* low bits of the mark of the runtime that made it (runtime.h) */
};
#define PAL_TAG_SIZE 16

/* ---- Kinds and value types ------------------------------------------------------------------------------------ */
#define PAL_KIND_FUNC 0
#define PAL_KIND_TABLE 1
#define PAL_KIND_MEMORY 2
#define PAL_KIND_GLOBAL 3
#define PAL_KIND_TAG 4

/* Value types as numbers: as in the binary format where that is one byte. */
#define PAL_TYPE_I32 127
#define PAL_TYPE_I64 126
#define PAL_TYPE_F32 125
#define PAL_TYPE_F64 124
#define PAL_TYPE_V128 123
#define PAL_TYPE_FUNCREF 112
#define PAL_TYPE_EXTERNREF 111
#define PAL_TYPE_EXNREF 105
#define PAL_TYPE_NOFUNC 115   /* nullfuncref: nothing but null */
#define PAL_TYPE_NOEXTERN 114 /* nullexternref */
#define PAL_TYPE_NOEXN 116    /* nullexnref */
/* pal_export.type and pal_import.type of a global: value type, plus this if it is mutable. */
#define PAL_GLOBAL_MUTABLE 256
/* References that are never null: plus this. */
#define PAL_TYPE_NON_NULL 512
/* References to functions of one type: this, and the type's index in the module (in the runtime: its interned number)
 * from bit PAL_TYPE_SHIFT on. */
#define PAL_TYPE_CONCRETE 1024
#define PAL_TYPE_SHIFT 11

/* Types as bytes (pal_module.types_data) are those of the binary format: 0x60 params results. Otherwise than there,
 * indices are four bytes, little-endian; a supertype stands between PAL_TYPE_SUB… 1 and 0x60 (none: PAL_TYPE_SUB… 0);
 * and a type that belongs to the recursion group of the type before it begins with PAL_TYPE_CONTINUES. A reference is
 * one byte where the binary format has a short form; else PAL_TYPE_REF and the short form's byte; or PAL_TYPE_REF or
 * PAL_TYPE_REF_NULL, PAL_TYPE_INDEX, index. */
#define PAL_TYPE_FUNC 96
#define PAL_TYPE_SUB 80
#define PAL_TYPE_SUB_FINAL 79
#define PAL_TYPE_CONTINUES 78
#define PAL_TYPE_REF 100
#define PAL_TYPE_REF_NULL 99
#define PAL_TYPE_INDEX 0

/* ---- Trap sites ----------------------------------------------------------------------------------------------
 * pal_module.site_kind: 0 for a call's return address, a pal_trap below 62 for a trapping instruction. The others are
 * explicit checks of memories, with the address they refused at PAL_CONTEXT_TRAP_ADDRESS (UINT64_MAX: it is larger than
 * 64 bits, or not known): PAL_SITE_MEMORY + i: not inside memory i; PAL_SITE_PROTECTED + i: inside, but forbidden, or
 * (where other bytes may be bound) not inside its writable bytes. The last value of each: that memory or above. */
#define PAL_SITE_CALL 0
#define PAL_SITE_ANY_READ 62 /* as PAL_SITE_PROTECTED, of the memory at PAL_CONTEXT_TRAP_MEMORY */
#define PAL_SITE_ANY_WRITE 63
#define PAL_SITE_MEMORY 64
#define PAL_SITE_MEMORY_MAX 163
#define PAL_SITE_PROTECTED 164
#define PAL_SITE_PROTECTED_MAX 249
/* Code of another function that stands in place of a call has two more entries behind each site's, with the same offset
 * and something else in site_wasm: the index of that function, and the offset of the call. */
#define PAL_SITE_INLINED 250
#define PAL_SITE_INLINED_AT 251

/* ---- The module -----------------------------------------------------------------------------------------------
 * Constant data of one compiled module. Pointers into the object are relocated once per pointer; everything that
 * is counted per function, entry or segment holds offsets instead. */

#define PAL_MODE_GUARD 0   /* 4 GiB + PAL_GUARD_SIZE reserved, no checks, never moves */
#define PAL_MODE_CHECKED 1 /* explicit checks against the view's size */
#define PAL_MODE_FIXED 2   /* explicit checks against a constant: minimum = maximum; never moves */
#define PAL_MODE_AUTO 3    /* both versions of the code are there: as guard if there is room, else as checked; an
                            * instance's own never moves */
struct pal_memory_desc {
	uint64_t minimum, maximum; /* pages; maximum UINT64_MAX: none declared */
	uint32_t page_log2;        /* 16 for 64 KiB */
	uint8_t index64, shared;   /* 0 or 1 */
	uint8_t mode;              /* PAL_MODE_…: what the code expects */
	uint8_t exported;          /* 1: others may see it */
	int32_t import;            /* index into imports, or -1 */
	uint32_t flags;            /* PAL_MEMORY_… */
	uint64_t limit;            /* bytes it can ever have; 0: none */
	/* Bytes that are protected once active segments are in place, as far as host pages lie wholly inside. */
	uint64_t no_access;        /* [0, no_access) */
	uint64_t read_only_from, read_only_to;
};
#define PAL_MEMORY_DESC_SIZE 64
#define PAL_MEMORY_COMPACT 1 /* no guard layout for the sake of others who might import it */
#define PAL_MEMORY_VIRTUAL 2 /* pages can be mapped and unmapped */
#define PAL_MEMORY_EMPTY 4   /* virtual, and only pages with active segments are mapped at first */
#define PAL_MEMORY_EXACT 8   /* what is protected below is so to the byte: by checks of the code and of the runtime */
#define PAL_MEMORY_IMMUTABLE 16 /* nothing changes it once active segments are in place */
#define PAL_MEMORY_BINDABLE 32  /* the instance may be given other bytes for it */
#define PAL_MEMORY_COW 64    /* has mapped segments; never moves */

struct pal_table_desc {
	uint64_t minimum, maximum; /* elements; maximum UINT64_MAX: none declared */
	uint8_t index64;           /* 0 or 1 */
	uint8_t is_static;         /* 1: read-only data, nothing to make at run time */
	uint8_t reserved[2];
	uint32_t type;             /* of its elements: PAL_TYPE_FUNCREF, … */
	int32_t import;            /* index into imports, or -1 */
	uint32_t init;             /* what its elements begin as: PAL_ITEM_…, as in module->items */
};
#define PAL_TABLE_DESC_SIZE 32

/* Provided by a Palisade module beside each export, symbol `pal_export.<mod>.<field>`; importers refer to it weakly
 * and compare types (an import without one is the host's C code, checked by its header). */
struct pal_export {
	const struct pal_module *module;
	uint32_t kind, index; /* PAL_KIND_…, index in the kind's space */
	uint32_t type;        /* function: index of its type in module->types; global: value type and mutability */
	uint32_t reserved;
};
#define PAL_EXPORT_SIZE 24

struct pal_import {
	const void *accessor;              /* memory, table, global: `T *(*)(void *env)`; function: NULL */
	const struct pal_export *provider; /* weak; NULL, or with module NULL, if the host provides it */
	uint32_t kind, index;              /* PAL_KIND_…, index in the kind's space */
	uint32_t module, name;             /* index into import_modules; offset of the field's name in strings */
	uint32_t type;                     /* as in pal_export */
	/* Function: distance of the word with another module's code for it, which the thunk then calls with that module's
	 * instance in the pinned register; NULL: the thunk calls the C symbol. 0: there is no such word. */
	uint32_t code_at;
};
#define PAL_IMPORT_SIZE 40

/* One per distinct import module, in order of first import: what pal_<mod>_instantiate is given. */
struct pal_import_module {
	/* pal_wasi_bind for WASI modules, else NULL: tells the view its memory before the start function runs. */
	void (*bind)(void *env, void *memory);
	uint32_t name; /* offset in strings */
	uint32_t slot; /* distance of the context's pointer to it */
};
#define PAL_IMPORT_MODULE_SIZE 16

#define PAL_SEGMENT_PASSIVE 0
#define PAL_SEGMENT_ACTIVE 1   /* offset is the value */
#define PAL_SEGMENT_COMPUTED 2 /* offset is an index into the array that init fills */
#define PAL_SEGMENT_DECLARED 3 /* elements only: nothing to do (also those that became static tables) */
#define PAL_SEGMENT_MAPPED 4   /* data only: as active, in pages of PAL_IMAGE_ALIGN bytes; start is counted in module->image */
struct pal_data_segment {
	uint64_t offset, start, length; /* start, length: bytes in module->data */
	uint32_t memory, mode;
};
#define PAL_DATA_SEGMENT_SIZE 32
struct pal_elem_segment {
	uint64_t offset, start, length; /* start, length: items in module->items */
	uint32_t table, mode;
};
#define PAL_ELEM_SEGMENT_SIZE 32
/* An item: a tag in the top two bits, an index in the others. */
#define PAL_ITEM_FUNC 0            /* index into module->funcs */
#define PAL_ITEM_GLOBAL 1073741824 /* the value of this global (a distance in module->globals) */
#define PAL_ITEM_NULL 2147483648

/* A function that may become a reference. Its pal_func is number i in the context's array at module->funcs_at. */
struct pal_func_desc {
	uint32_t code;  /* offset from text */
	uint32_t type;  /* index of its type in the module */
	uint32_t index; /* function index */
};
#define PAL_FUNC_DESC_SIZE 12

/* A tag of the module; its pal_tag is number i in the context's array at module->tags_at. */
struct pal_tag_desc {
	uint32_t type, name; /* index of its type in the module; offset in strings, of an empty one if it has no name */
	uint32_t size;       /* bytes of what an exception carries: 8 a value, 16 for v128 */
	uint32_t imported;   /* 0 or 1 */
};
#define PAL_TAG_DESC_SIZE 16

/* ---- Handlers -------------------------------------------------------------------------------------------------
 * Every call inside a `try` is listed by its return address, with its innermost scope and where its function goes on
 * if an exception is caught, whichever handler it is. There the function wants
 *   - sp = its frame pointer - scope.frame_size, the pinned register = what lies at the frame pointer - scope.pinned,
 *   - in the first payload register (rax, x0) the address of the caught values, with the exnref in the 8 bytes before;
 *   - in the second (rdx, x1) the number of the clause that caught it;
 *   - in the registers that callees save what they held when it called. */
struct pal_scope {
	uint32_t parent;     /* the scope around it in its function, or PAL_SCOPE_NONE */
	uint32_t first, count; /* its clauses in module->clauses, to be tried in order */
	uint32_t frame_size, pinned;
};
#define PAL_SCOPE_SIZE 20
#define PAL_SCOPE_NONE 4294967295
struct pal_clause {
	uint32_t tag;    /* index of a tag, or PAL_CLAUSE_ALL; plus PAL_CLAUSE_KEEP if the handler uses the exnref */
	uint32_t number; /* in its function */
};
#define PAL_CLAUSE_SIZE 8
#define PAL_CLAUSE_ALL 2147483647
#define PAL_CLAUSE_KEEP 2147483648

struct pal_module {
	uint32_t abi, size; /* PAL_ABI, PAL_MODULE_SIZE */
	const char *name;   /* C name of the module */
	const char *strings;
	/* the code */
	const uint8_t *text;
	uint64_t text_size;
	const uint32_t *function_start; /* functions + 1 offsets from text, ascending: the defined functions */
	const uint32_t *function_name;  /* offsets in strings */
	const uint32_t *site_code;      /* sites: offsets from text, ascending */
	const uint32_t *site_wasm;      /* sites: offsets in the wasm file, or see PAL_SITE_INLINED */
	const uint8_t *site_kind;
	/* init: evaluates global initializers and the offsets of computed segments; start: NULL if there is none */
	void (*init)(void *pinned, uint64_t *computed);
	void (*start)(void *pinned);
	/* what it is made of */
	const struct pal_import_module *import_modules;
	const struct pal_import *imports;
	const struct pal_memory_desc *memories;
	const struct pal_table_desc *tables;
	const uint32_t *globals;      /* distance of each global's slot; an imported one's slot holds a pointer */
	const uint32_t *type_start;   /* types + 1 offsets into types_data */
	const uint8_t *types_data;    /* see PAL_TYPE_FUNC */
	const struct pal_func_desc *funcs; /* func_count; where there are two versions, as many again for the second */
	const struct pal_data_segment *data_segments;
	const uint8_t *data;
	const struct pal_elem_segment *elem_segments;
	const uint32_t *items;
	const struct pal_tag_desc *tags;
	const uint32_t *exn_globals;  /* globals that hold an exnref: their indices */
	const uint32_t *handler_code; /* handlers: return addresses as offsets from text, ascending */
	const uint32_t *handler_scope;  /* handlers: index of the innermost scope */
	const uint32_t *handler_landing; /* handlers: where the function goes on, as offset from text */
	const struct pal_scope *scopes;
	const struct pal_clause *clauses;
	/* Which registers of its caller a function or stub keeps in its frame, of those that callees save: frames entries.
	 * From the offset frame_start on (from text, ascending) it is what frame_first says: a place in saved_registers,
	 * where first a number of registers is, then for each, as struct pal_registers counts them (arch.h), its number, and
	 * above these 8 bits how far below the frame pointer it lies. What may fault where P is in no register (riscv64) keeps P
	 * like one, with the number PAL_REGISTER_INSTANCE. */
	const uint32_t *frame_start;
	const uint32_t *frame_first;
	const uint32_t *saved_registers;
	/* Bytes of mapped segments, in a section of their own that begins with a page in the file, whatever size the host's
	 * pages are; behind them PAL_IMAGE_ID_SIZE bytes by which the file is known to be the one they were loaded from. */
	const uint8_t *image;
	uint64_t image_size; /* a multiple of PAL_IMAGE_ALIGN; 0: there is none */
	uint32_t functions, imported_functions, sites, import_module_count, import_count, memory_count, table_count;
	uint32_t global_count, type_count, func_count, data_segment_count, elem_segment_count, computed_count;
	uint32_t tag_count, exn_global_count, handler_count;
	/* the context: its size below P (a multiple of 16) and the distances of its arrays */
	uint32_t context_size;
	uint32_t memories_at, tables_at; /* struct pal_view each */
	uint32_t types_at;               /* uint32_t interned type each */
	uint32_t funcs_at;               /* struct pal_func each */
	uint32_t data_dropped_at, elem_dropped_at; /* uint8_t each: 1 if dropped */
	uint32_t tags_at;                /* struct pal_tag each */
	uint32_t thunks_end;             /* offset from text: the imports' thunks lie behind the functions, up to here */
	uint32_t exported_memory;        /* index of the export "memory", else 0: what WASI uses */
	uint32_t flags;                  /* PAL_MODULE_… */
	uint32_t cpu;                    /* PAL_CPU_…: features that the code uses */
	/* Two versions of the code, for memories of mode auto: distance of the word that says which one the instance uses
	 * (PAL_VERSION_…), or 0. The functions' tables above list the second version behind the first. */
	uint32_t version_at;
	uint32_t frames;
	uint32_t globals_end;            /* globals lie between this distance and PAL_CONTEXT_FIXED */
	/* Distance of the word that code polls (--enable-interruptible): not 0, it traps. 0: the module has none. */
	uint32_t interrupt_at;
};
#define PAL_REGISTER_INSTANCE 22
#define PAL_IMAGE_ALIGN 65536
#define PAL_IMAGE_ID_SIZE 32
#define PAL_MODULE_BASE_PINNED 1 /* P is memory 0's base: owned, never moves */
#define PAL_VERSION_GUARD 0
#define PAL_VERSION_CHECKED 1
#define PAL_MODULE_SIZE 416
#define PAL_CPU_SSE3 1
#define PAL_CPU_SSSE3 2
#define PAL_CPU_CMPXCHG16B 4
#define PAL_CPU_SSE41 8
#define PAL_CPU_SSE42 16
#define PAL_CPU_POPCNT 32
#define PAL_CPU_AVX 64
#define PAL_CPU_FMA 128
#define PAL_CPU_AVX2 256
#define PAL_CPU_BMI1 512
#define PAL_CPU_BMI2 1024
#define PAL_CPU_LZCNT 2048
#define PAL_CPU_AVX512 4096 /* all of its parts */
#define PAL_CPU_RISCV_V 8192

/* An executable: the modules to instantiate in this order, each with its imports' sources, and what to run.
 * Symbol `pal_program`, read by rt/main.c. */
struct pal_program_module {
	int32_t (*instantiate)(void **out, void *const *imports); /* pal_instantiate on this module */
	const struct pal_module *module;
	const int32_t *sources; /* per import module: PAL_SOURCE_… */
};
/* An earlier module of the program, by its index; a memory of the program: this and its index; what the runtime has. */
#define PAL_SOURCE_MEMORY 1073741824
#define PAL_SOURCE_WASI 2147483646
#define PAL_SOURCE_THREADS 2147483647
#define PAL_PROGRAM_MODULE_SIZE 24
struct pal_program {
	const struct pal_program_module *modules;
	void (*start)(void *pinned);           /* `_start` of the last module */
	void (*initialize)(void *pinned);      /* `_initialize`, or NULL */
	const char *const *dirs;               /* --dir grants, in order, NULL-terminated */
	const char *const *envs;               /* --env grants, NULL-terminated */
	uint64_t module_count, stack_size;     /* stack_size: bytes, of each thread */
	/* Memories that modules import and no module exports; all threads use the same. */
	const struct pal_memory_desc *memories;
	uint64_t memory_count;
	void (*thread_start)(void *pinned, int32_t tid, int32_t start_arg); /* `wasi_thread_start`, or NULL */
};
#define PAL_PROGRAM_SIZE 80

/* What pal_rt_memory_control does. */
#define PAL_CONTROL_PROTECT 0
#define PAL_CONTROL_MAP 1
#define PAL_CONTROL_UNMAP 2
#define PAL_CONTROL_ALIAS 3
#define PAL_CONTROL_MAP_ANY 4
#define PAL_CONTROL_PAGE_SIZE 5

/* ---- Helpers that compiled code calls (C convention; P first) -------------------------------------------------- */
#ifndef __ASSEMBLER__
/* Visible in shared libraries, as palisade.h is: where several have the runtime inside, the first one's serves all. */
#pragma GCC visibility push(default)
void pal_rt_stack_enter(void *pinned); /* fills STACK_LIMIT, _ROOM for the current stack */
uint64_t pal_rt_memory_grow(void *pinned, uint32_t memory, uint64_t pages); /* old pages or UINT64_MAX */
/* Builtin imports about pages: PAL_CONTROL_…; a, b, c: their operands in order. */
uint64_t pal_rt_memory_control(void *pinned, uint32_t memory, uint32_t operation, uint64_t a, uint64_t b, uint64_t c);
void pal_rt_memory_discard(void *pinned, uint32_t memory, uint64_t addr, uint64_t size);
void pal_rt_memory_fill(void *pinned, uint32_t memory, uint64_t addr, uint32_t value, uint64_t size);
void pal_rt_memory_copy(void *pinned, uint32_t to_memory, uint64_t to, uint32_t from_memory, uint64_t from, uint64_t size);
void pal_rt_memory_init(void *pinned, uint32_t memory, uint32_t segment, uint64_t to, uint64_t from, uint64_t size);
/* Of the effective address. Results: 0 woken, 1 not as expected, 2 timed out; how many were woken. */
uint32_t pal_rt_memory_wait32(void *pinned, uint32_t memory, uint64_t address, uint32_t expected, int64_t timeout);
uint32_t pal_rt_memory_wait64(void *pinned, uint32_t memory, uint64_t address, uint64_t expected, int64_t timeout);
uint32_t pal_rt_memory_notify(void *pinned, uint32_t memory, uint64_t address, uint32_t count);
/* Shows a file of the module's WASI: flags as pal_map_flags. Result: 0, or a WASI errno. */
uint32_t pal_rt_memory_map_file(void *pinned, uint32_t memory, uint64_t addr, uint64_t size, uint32_t descriptor,
                                uint64_t offset, uint32_t access, uint32_t flags);
/* Gives the instance what the host has offered under this handle: 0, or a WASI errno. */
uint32_t pal_rt_memory_bind(void *pinned, uint32_t memory, uint32_t handle);
void pal_rt_data_drop(void *pinned, uint32_t segment);
uint64_t pal_rt_table_grow(void *pinned, uint32_t table, void *value, uint64_t elements); /* old size or UINT64_MAX */
void pal_rt_table_fill(void *pinned, uint32_t table, uint64_t at, void *value, uint64_t elements);
void pal_rt_table_copy(void *pinned, uint32_t to_table, uint64_t to, uint32_t from_table, uint64_t from, uint64_t elements);
void pal_rt_table_init(void *pinned, uint32_t table, uint32_t segment, uint64_t to, uint64_t from, uint64_t elements);
void pal_rt_elem_drop(void *pinned, uint32_t segment);
uint32_t pal_rt_is_subtype(void *pinned, uint32_t type, uint32_t of); /* of interned types: 1 or 0 */
/* Throw an exception with the values at `values`, laid out as pal_tag_desc.size says, or one that was caught before. Do
 * not return: an exception that nobody catches is a trap. */
_Noreturn void pal_rt_throw(void *pinned, uint32_t tag, const void *values);
_Noreturn void pal_rt_throw_ref(void *pinned, uint64_t exnref);
/* Rounding where the CPU has no instruction for it (baseline x86-64). Ties to even for nearest. */
float pal_rt_ceil_f32(float), pal_rt_floor_f32(float), pal_rt_trunc_f32(float), pal_rt_nearest_f32(float);
double pal_rt_ceil_f64(double), pal_rt_floor_f64(double), pal_rt_trunc_f64(double), pal_rt_nearest_f64(double);
/* Behind pal_<mod>_instantiate and pal_<mod>_free. `imports`: one pointer per import module. Returns a pal_trap. */
int32_t pal_rt_instantiate(const struct pal_module *module, void **out, void *const *imports);
void pal_rt_free(void *pinned);
/* Behind pal_<mod>_bind_memory, _offer_memory, _withdraw_memory. Return a pal_status. */
int32_t pal_rt_bind_memory(void *pinned, uint32_t index, void *memory);
int32_t pal_rt_offer_memory(void *pinned, void *memory, int32_t *handle);
int32_t pal_rt_withdraw_memory(void *pinned, int32_t handle);
/* Behind pal_<mod>_snapshot and pal_<mod>_restore. Return a pal_status. */
struct pal_snapshot;
int32_t pal_rt_snapshot(void *pinned, struct pal_snapshot **out);
int32_t pal_rt_restore(void *pinned, struct pal_snapshot *);
/* Behind pal_<mod>_interrupt and pal_<mod>_uninterrupt. */
void pal_rt_interrupt(void *pinned);
void pal_rt_uninterrupt(void *pinned);
#pragma GCC visibility pop
/* Accessors behind exported memories and tables: the struct pal_memory * or pal_table * of a view. */

#define PAL_ASSERT_SIZE(type, size) _Static_assert(sizeof(struct type) == (size), #type " has another size than " #size)
PAL_ASSERT_SIZE(pal_view, PAL_VIEW_SIZE);
PAL_ASSERT_SIZE(pal_func, PAL_FUNC_SIZE);
PAL_ASSERT_SIZE(pal_memory_desc, PAL_MEMORY_DESC_SIZE);
PAL_ASSERT_SIZE(pal_table_desc, PAL_TABLE_DESC_SIZE);
PAL_ASSERT_SIZE(pal_export, PAL_EXPORT_SIZE);
PAL_ASSERT_SIZE(pal_import, PAL_IMPORT_SIZE);
PAL_ASSERT_SIZE(pal_import_module, PAL_IMPORT_MODULE_SIZE);
PAL_ASSERT_SIZE(pal_data_segment, PAL_DATA_SEGMENT_SIZE);
PAL_ASSERT_SIZE(pal_elem_segment, PAL_ELEM_SEGMENT_SIZE);
PAL_ASSERT_SIZE(pal_func_desc, PAL_FUNC_DESC_SIZE);
PAL_ASSERT_SIZE(pal_tag, PAL_TAG_SIZE);
PAL_ASSERT_SIZE(pal_tag_desc, PAL_TAG_DESC_SIZE);
PAL_ASSERT_SIZE(pal_scope, PAL_SCOPE_SIZE);
PAL_ASSERT_SIZE(pal_clause, PAL_CLAUSE_SIZE);
PAL_ASSERT_SIZE(pal_module, PAL_MODULE_SIZE);
PAL_ASSERT_SIZE(pal_program_module, PAL_PROGRAM_MODULE_SIZE);
PAL_ASSERT_SIZE(pal_program, PAL_PROGRAM_SIZE);
_Static_assert(offsetof(struct pal_view, base) == PAL_VIEW_BASE && offsetof(struct pal_view, size) == PAL_VIEW_LENGTH &&
               offsetof(struct pal_view, writable) == PAL_VIEW_WRITABLE, "view");
_Static_assert(offsetof(struct pal_func, code) == PAL_FUNC_CODE && offsetof(struct pal_func, pinned) == PAL_FUNC_PINNED &&
               offsetof(struct pal_func, type) == PAL_FUNC_TYPE, "func");
#endif
#endif
