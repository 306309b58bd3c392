/* palisade.h: the host's side of modules compiled by Palisade. C11 and C++17.
 *
 * A module's own header (`palisade -c lib.wasm --header lib.h`) declares its instance type, its exports and the
 * imports the host defines; this header declares what all modules share: traps, memories, tables, WASI.
 *
 * Units: addresses and sizes are bytes unless a name says pages or elements. Unless noted, functions may be called from
 * any thread, but one instance, and the memories and tables it uses, only by one thread at a time; memories made
 * shared by any number of them. */
#ifndef PALISADE_H
#define PALISADE_H
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Shared libraries with modules in them export all of this, also where they are compiled with hidden symbols. */
#if defined(__GNUC__) && !defined(_WIN32)
#pragma GCC visibility push(default)
#endif

/* Joins a C identifier to the link symbol of a wasm entity, `wasm.<module>.<field>`. */
#define PAL_STRING_(x) #x
#define PAL_STRING(x) PAL_STRING_(x)
#ifdef __USER_LABEL_PREFIX__
#define PAL_LABEL(name) __asm__(PAL_STRING(__USER_LABEL_PREFIX__) name)
#else
#define PAL_LABEL(name) __asm__(name)
#endif

/* ---- Traps ---- */

typedef enum pal_trap {
	PAL_TRAP_NONE = 0,
	PAL_TRAP_MEMORY_OUT_OF_BOUNDS = 1,
	PAL_TRAP_MEMORY_PROTECTED = 2, /* inside the memory, but the page does not allow the access */
	PAL_TRAP_TABLE_OUT_OF_BOUNDS = 3,
	PAL_TRAP_INDIRECT_CALL_NULL = 4,
	PAL_TRAP_INDIRECT_CALL_TYPE = 5,
	PAL_TRAP_INTEGER_DIVIDE_BY_ZERO = 6,
	PAL_TRAP_INTEGER_OVERFLOW = 7,
	PAL_TRAP_INVALID_CONVERSION = 8, /* NaN to integer */
	PAL_TRAP_UNREACHABLE = 9,
	PAL_TRAP_STACK_OVERFLOW = 10,
	PAL_TRAP_NULL_REFERENCE = 11,
	PAL_TRAP_UNCAUGHT_EXCEPTION = 12,
	PAL_TRAP_LINK = 13, /* an import's type or limits don't fit; the message names both sides */
	PAL_TRAP_OUT_OF_MEMORY = 14,
	PAL_TRAP_EXIT = 15, /* the guest called proc_exit: pal_trap_info.exit_code */
	PAL_TRAP_INTERRUPTED = 16,
	PAL_TRAP_HOST = 17, /* raised by the host with pal_raise */
	PAL_TRAP_CAST_FAILURE = 18, /* a reference is not of the type asked for; also one that the host passed */
	PAL_TRAP_UNALIGNED_ATOMIC = 19, /* the address of an atomic access is not a multiple of its size */
	PAL_TRAP_EXPECTED_SHARED = 20 /* waiting on a memory that is not shared, where nobody could wake it */
} pal_trap;

/* What the calling thread's last trap was. Strings live until the thread's next trap. */
typedef struct pal_trap_info {
	pal_trap kind;
	const char *message;  /* one line, for people */
	int32_t memory;       /* index of the memory in its module, or -1 */
	uint64_t address;     /* of the access in that memory, where known */
	const char *function; /* name of the wasm function, or NULL */
	uint64_t offset;      /* of the instruction in the wasm file; 0 if unknown */
	int32_t exit_code;    /* PAL_TRAP_EXIT: what the guest passed */
} pal_trap_info;

/* "memory access out of bounds" and the like: constant, never NULL. */
const char *pal_trap_text(pal_trap);

/* This thread's last trap; kind PAL_TRAP_NONE before the first. Never NULL. */
const pal_trap_info *pal_last_trap(void);

/* Runs fn(arg). A trap in wasm code, or pal_raise, anywhere below it on this thread ends it: the frames between are
 * dropped without running C++ destructors, and the trap is returned. Nests. C++ exceptions and longjmp may leave fn.
 * Without any pal_try on the thread, a trap prints its report and aborts. */
pal_trap pal_try(void (*fn)(void *), void *arg);

/* Traps from host code: ends the innermost pal_try of this thread with `kind`; `message` (copied) may be NULL. */
#ifdef __cplusplus
[[noreturn]]
#else
_Noreturn
#endif
void pal_raise(pal_trap kind, const char *message);

/* ---- Errors of the functions below: 0 is success, and a failure changes nothing. ---- */

typedef enum pal_status {
	PAL_OK = 0,
	PAL_E_RANGE = 1,       /* outside the memory or above a maximum */
	PAL_E_ALIGN = 2,       /* not a multiple of the host's page size */
	PAL_E_NOMEM = 3,       /* the OS gave no memory or address space, or a limit was reached */
	PAL_E_TYPE = 4,        /* index type, page size or value type does not fit */
	PAL_E_ROOM = 5,        /* the caller's buffer is too small */
	PAL_E_STATE = 6,       /* not now, or not on this kind of memory */
	PAL_E_UNSUPPORTED = 7, /* not on this host or target */
	PAL_E_ARGUMENT = 8,    /* a value outside its documented set */
	PAL_E_OS = 9           /* the OS refused; errno says why */
} pal_status;

/* ---- References ---- */

/* A function of some instance, also where wasm has a more precise type: passing one of another type, or null where the
 * type says that it can't be, is PAL_TRAP_CAST_FAILURE. So is reading one that C has written into a mutable global,
 * exported or its own: code asks when it reads such a global. It stays valid as long as its instance. NULL: null. */
typedef struct pal_funcref { void *ref; } pal_funcref;
typedef struct pal_externref { void *ref; } pal_externref; /* any pointer of the host's; NULL: null */

/* ---- Vectors ---- */

/* A wasm v128, byte 0 first. Functions take it by `const pal_v128 *` (read before any code runs) and give it back
 * behind their last pointer; among several results it is a member of their struct. */
typedef struct pal_v128 {
#ifdef __cplusplus
	alignas(16)
#else
	_Alignas(16)
#endif
	uint8_t bytes[16];
} pal_v128;
/* An exception that a guest has caught; NULL: null. Hand it back while it is on the calling thread's stack, or let the
 * guest keep it: an exception that no guest and no frame of this thread knows any more may be gone, and is refused. */
typedef struct pal_exnref { void *ref; } pal_exnref;

typedef enum pal_value_type {
	PAL_I32 = 0x7f, PAL_I64 = 0x7e, PAL_F32 = 0x7d, PAL_F64 = 0x7c, PAL_V128 = 0x7b,
	PAL_FUNCREF = 0x70, PAL_EXTERNREF = 0x6f, PAL_EXNREF = 0x69
} pal_value_type;

/* ---- Exceptions ----
 * An exception goes from module to module where they are joined by the linker, but never through a frame of C: there
 * it becomes PAL_TRAP_UNCAUGHT_EXCEPTION. What it is depends on its tag. A host that provides a tag import defines the
 * accessor that the module's header declares, and returns one of its own or another module's. */

typedef struct pal_tag pal_tag;

/* Makes a tag for exceptions that carry values of these types. PAL_E_ARGUMENT: no such type, or more than 1,000;
 * PAL_E_NOMEM. */
pal_status pal_tag_new(pal_tag **out, const pal_value_type *types, size_t count);
/* Instances that were given it are not affected. NULL is fine. */
void pal_tag_free(pal_tag *);

/* ---- Memories ---- */

typedef struct pal_memory pal_memory; /* reference-counted: its maker and each instance that uses it hold one */

/* Zero-initialize, then set what differs. */
typedef struct pal_memory_options {
	uint64_t min_pages;
	uint64_t max_pages;   /* used if has_max */
	uint8_t has_max;      /* 0 or 1 */
	uint8_t page_log2;    /* 0: the usual 16 (64 KiB pages) */
	uint8_t index64;      /* 0 or 1: a 64-bit memory */
	uint8_t shared;       /* 0 or 1 */
	uint8_t compact;      /* 1: no guard layout; modules can then use it with explicit checks only */
	uint8_t is_virtual;   /* 1: pages can be mapped and unmapped; all of the maximum's address space is reserved, which
	                       * a 64-bit memory must have */
	uint8_t starts_empty; /* 1, with is_virtual: no page is mapped at first, nor after growing */
} pal_memory_options;

/* Makes a memory. PAL_E_RANGE: min above max, or more than the index type can address; PAL_E_NOMEM. */
pal_status pal_memory_new(pal_memory **out, const pal_memory_options *);
/* Drops the caller's reference. NULL is fine. */
void pal_memory_free(pal_memory *);
/* Address of byte 0. Constant for memories with guard layout; else it may change when the memory grows. */
void *pal_memory_data(const pal_memory *);
/* Accessible bytes. */
uint64_t pal_memory_size(const pal_memory *);
/* Adds pages; *old_pages (may be NULL) gets the size before. PAL_E_RANGE: above the maximum; PAL_E_NOMEM. */
pal_status pal_memory_grow(pal_memory *, uint64_t pages, uint64_t *old_pages);

/* Pages. Addresses, sizes and offsets must be multiples of the host's page size (PAL_E_ALIGN), but for
 * pal_memory_discard, and lie inside the memory (PAL_E_RANGE). Operations on one memory are serialized; accesses that
 * race with them see the old or the new state. An access that a page forbids is PAL_TRAP_MEMORY_PROTECTED. */

typedef enum pal_prot { PAL_NONE = 0, PAL_READ = 1, PAL_READ_WRITE = 3 } pal_prot;
typedef enum pal_map_flags { PAL_MAP_PRIVATE = 0, PAL_MAP_SHARED = 1 } pal_map_flags;

/* The host's own bytes as a memory, of exactly that length: it can't grow, pages can't be protected, and modules need
 * explicit checks for it. They must outlive it. Modules refuse to import one that is only PAL_READ;
 * bindable memories take it. */
pal_status pal_memory_wrap(pal_memory **out, void *base, uint64_t bytes, pal_prot);
/* The same for modules whose memory has 64-bit addresses (index64: 1) or other pages: page_bytes is a power of two, at most
 * the usual 65536. PAL_E_RANGE, in both: more bytes than the index type can address. */
pal_status pal_memory_wrap_as(pal_memory **out, void *base, uint64_t bytes, pal_prot, int index64, uint32_t page_bytes);
/* Zero-fills any range and gives whole pages back to the OS. PAL_E_STATE: a page in it can't be written. */
pal_status pal_memory_discard(pal_memory *, uint64_t addr, uint64_t size);
/* What may be done with pages. PAL_E_STATE: not all of them are mapped, or the memory is wrapped. */
pal_status pal_memory_protect(pal_memory *, uint64_t addr, uint64_t size, pal_prot);

/* Of virtual memories (others: PAL_E_STATE). Maps zeros where nothing is mapped (PAL_E_STATE: something is). */
pal_status pal_memory_map(pal_memory *, uint64_t addr, uint64_t size, pal_prot);
/* The same where there is room, never at address 0. PAL_E_NOMEM: there is none. */
pal_status pal_memory_map_any(pal_memory *, uint64_t size, pal_prot, uint64_t *addr);
/* Maps a file, which is not needed open after that. Reading behind its end is a trap. PAL_E_OS: see errno. */
pal_status pal_memory_map_file(pal_memory *, uint64_t addr, uint64_t size, int fd, uint64_t offset, pal_prot, pal_map_flags);
/* Pages become inaccessible, and free for mapping; those that are unmapped already stay so. */
pal_status pal_memory_unmap(pal_memory *, uint64_t addr, uint64_t size);
/* Shows the pages at `src` at `dst`, too, where nothing may be mapped; not for pages of files. */
pal_status pal_memory_alias(pal_memory *, uint64_t dst, uint64_t src, uint64_t size);

/* ---- Snapshots ----
 * A snapshot of a memory is what it was at a moment: its size, its bytes, what its pages are and what may be done with
 * them. Any number may live, and be restored in any order, as often as one likes, whatever has happened to the memory in
 * between; restoring one leaves the others, and itself, what they are. The first one copies what the memory holds; from
 * then on all of this takes time for the pages that were written, not for the memory's size.
 *
 * A module's own header declares the same for its instances: pal_<mod>_snapshot and pal_<mod>_restore, of mutable
 * globals, tables, the memories the instance owns, which segments were dropped, and which memories are bound. What it
 * imports is not part of that, nor is what the host keeps, as files. Of a bindable memory, that it is bound to another
 * one is: restoring binds that again, which lives until then, but its bytes, being the host's or another instance's,
 * stay as they are; the instance's own memory, bound elsewhere when it was taken, is not part of it. Bytes that were
 * wrapped must outlive the snapshot. Such a snapshot is good for pal_memory_restore of each of its memories, too.
 *
 * Nobody may use the memory or instance meanwhile, and none of its functions may be on a stack: what they know of it
 * could be wrong when they go on, since restoring may also make memories and tables smaller. Snapshots of different
 * memories may be taken, restored and freed by different threads at once, those of one memory too. */

typedef struct pal_snapshot pal_snapshot;

/* PAL_E_STATE: the memory is shared, or wrapped, or shows a file that others may write. PAL_E_OS: a file has become
 * shorter than its mapping. PAL_E_NOMEM. The memory lives as long as the snapshot. Pages of private mappings of files
 * become the memory's own. */
pal_status pal_memory_snapshot(pal_memory *, pal_snapshot **out);
/* PAL_E_ARGUMENT: it is another memory's. PAL_E_NOMEM, PAL_E_OS. Mappings made since go. */
pal_status pal_memory_restore(pal_memory *, pal_snapshot *);
/* Finds the host pages that have changed since the snapshot, or been written with what was there already: their addresses
 * in the memory, ascending. What is not mapped counts as zeros. *count: in, the room in `pages` (which may be NULL if it
 * is 0); out, how many there are. PAL_E_ROOM: more than fit; only *count is written then. PAL_E_ARGUMENT: it is another
 * memory's. */
pal_status pal_memory_dirty(pal_memory *, pal_snapshot *, uint64_t *pages, uint64_t *count);
/* NULL is fine. */
void pal_snapshot_free(pal_snapshot *);

/* ---- Tables ---- */

typedef struct pal_table pal_table; /* reference-counted, as memories */

typedef enum pal_table_type { PAL_TABLE_FUNCREF = 0x70, PAL_TABLE_EXTERNREF = 0x6f } pal_table_type;

/* Makes a table of nulls. A table of functions whose elements all have the type that the first module importing it
 * wants, (ref null $type) or without null, is a table of that type from then on. max_elements UINT64_MAX: no maximum.
 * PAL_E_RANGE, PAL_E_NOMEM, PAL_E_ARGUMENT. */
pal_status pal_table_new(pal_table **out, pal_table_type, uint64_t min_elements, uint64_t max_elements);
void pal_table_free(pal_table *);
uint64_t pal_table_size(const pal_table *);
/* Reads element `index` (a pal_funcref's or pal_externref's pointer). PAL_E_RANGE. */
pal_status pal_table_get(const pal_table *, uint64_t index, void **ref);
/* Writes it. PAL_E_RANGE; PAL_E_TYPE: not of the table's type, if it is a table of typed functions or without null; a
 * function of another copy of the runtime. */
pal_status pal_table_set(pal_table *, uint64_t index, void *ref);

/* ---- Limits ----
 * A budget says how much the memories, tables and instances that are counted in it may have together: everything that
 * a thread makes while it uses the budget, for as long as that lives, whoever uses and grows it. One budget may be used
 * by any number of threads at once, or each instance be given one of its own. */

/* Zero-initialize, then set what differs; 0: no limit. */
typedef struct pal_limits {
	uint64_t memory_bytes;   /* accessible bytes of memories; not of those that pal_memory_wrap makes */
	uint64_t table_elements; /* of tables that exist at run time: what no code can change is constant data */
	uint64_t instances;
} pal_limits;

typedef struct pal_budget pal_budget; /* reference-counted: by the host, threads that use it, what is counted in it */

/* PAL_E_NOMEM. */
pal_status pal_budget_new(pal_budget **out, const pal_limits *);
/* Drops the host's reference. NULL is fine. */
void pal_budget_free(pal_budget *);
/* What the calling thread makes from now on is counted in this budget; NULL, as in each new thread: in none. Threads of
 * pal_wasi_threads use the one of the thread that called that. Above a limit, memory.grow and table.grow give -1,
 * functions of this header PAL_E_NOMEM, and instantiating PAL_TRAP_OUT_OF_MEMORY with a message that names the limit.
 * Returns the one used before, whose reference this thread had is dropped. */
pal_budget *pal_budget_use(pal_budget *);
/* Changes the limits. What is there stays, also where it is more. */
void pal_budget_set(pal_budget *, const pal_limits *);
/* How much is counted at this moment. */
pal_limits pal_budget_used(const pal_budget *);

/* ---- Interruption ----
 * Modules compiled with --enable-interruptible look at every loop's head, and where calls could go on without loops,
 * whether they are to end. Their headers have pal_<mod>_interrupt, which any thread may call while the instance lives:
 * code of the instance that runs, or runs next, ends with PAL_TRAP_INTERRUPTED. That happens once; an interruption that
 * came too late waits for the next call unless pal_<mod>_uninterrupt takes it back. Also ends memory.atomic.wait.
 * Host functions, a bulk instruction on its way and other instances that this one calls are not disturbed: the trap
 * comes when they return. */

/* The same for all interruptible instances that are counted in the budget, also while their start functions run. */
void pal_budget_interrupt(pal_budget *);

/* ---- WASI preview 1 ---- */

typedef struct pal_wasi pal_wasi; /* arguments, environment, descriptors; thread-safe, reference-counted */
struct wasi_snapshot_preview1;    /* one instance's view of a pal_wasi */

typedef struct pal_wasi_dir {
	const char *host;  /* directory to open */
	const char *guest; /* name the guest sees, "/" for instance; NULL: as host */
	uint8_t read_only; /* 1: nothing below it can be written, made or removed */
} pal_wasi_dir;

/* Zero-initialize, then set what differs. Everything is copied. */
typedef struct pal_wasi_options {
	int argc;
	const char *const *argv;        /* argc strings */
	const char *const *env;         /* "NAME=VALUE", NULL-terminated; NULL: none */
	const pal_wasi_dir *dirs;       /* preopened as descriptors 3, 4, … in this order */
	size_t dir_count;
	uint8_t no_stdio;               /* 1: descriptors 0, 1, 2 are closed */
	/* used if use_stdio: host descriptors for 0, 1, 2; duplicated; -1: closed. On Windows HANDLEs converted to int, and 0,
	 * 1, 2 for the standard ones */
	int stdio[3];
	uint8_t use_stdio;
} pal_wasi_options;

/* Opens the preopens. PAL_E_OS: one can't be opened (errno); *out is NULL then. PAL_E_NOMEM. */
pal_status pal_wasi_new(pal_wasi **out, const pal_wasi_options *);
/* Drops the caller's reference; descriptors close when the last view is gone too. */
void pal_wasi_free(pal_wasi *);
/* A view for one instance: pass it as the instance's wasi_snapshot_preview1 import; instantiation tells it the
 * memory. It serves as a wasi_unstable import, too, with a cast. NULL if there is no memory for it. Free it after the
 * instance. */
struct wasi_snapshot_preview1 *pal_wasi_view(pal_wasi *);
void pal_wasi_view_free(struct wasi_snapshot_preview1 *);

/* ---- wasi-threads ---- */

/* What a module imports "wasi" "thread-spawn" from: starts threads with tids of their own. Any number of instances may
 * share it. */
struct wasi;
/* Runs on each new thread: makes an instance of the module on the same shared memory, calls its `wasi_thread_start`
 * with tid and start_arg, and frees it. Here a trap without a pal_try around it ends the process. */
typedef void pal_thread_main(void *data, int32_t tid, int32_t start_arg);
/* stack_size: bytes of each thread's stack; 0: what the OS gives. NULL: out of memory. */
struct wasi *pal_wasi_threads(pal_thread_main *, void *data, size_t stack_size);
/* Waits until all its threads have ended, then frees it. NULL is fine. */
void pal_wasi_threads_join(struct wasi *);

#if defined(__GNUC__) && !defined(_WIN32)
#pragma GCC visibility pop
#endif

#ifdef __cplusplus
}
#endif
#endif
