/* palisade/guest.h: for C and C++ that is compiled to wasm, by any clang, and then to native code by Palisade.
 *
 * The functions below are imports that Palisade compiles to instructions: there is no call. Other engines lack them; with
 * PAL_PORTABLE defined, those that have a portable meaning are replaced by it, and the others are not declared. */
#ifndef PALISADE_GUEST_H
#define PALISADE_GUEST_H
#ifndef __wasm__
#error "palisade/guest.h is for programs that are compiled to wasm; hosts include palisade.h"
#endif
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define PAL_BUILTIN(module, name) extern "C" __attribute__((import_module(module), import_name(name)))
#else
#define PAL_BUILTIN(module, name) __attribute__((import_module(module), import_name(name)))
#endif

/* Loads are C's own: what they give may be kept until something is stored. Other threads' stores need atomics. */
#define PAL_LOAD(module, name) PAL_BUILTIN(module, name) __attribute__((pure))

/* What may be done with pages. */
enum { PAL_PROT_NONE = 0, PAL_PROT_READ = 1, PAL_PROT_READ_WRITE = 3 };

#ifdef PAL_PORTABLE
static inline int32_t pal_page_size(void) { return 65536; }
static inline void pal_discard(void *at, size_t size) { __builtin_memset(at, 0, size); }
#else

/* ---- Memory 0, the one that C knows ---- */

/* The host's page size: what addresses and sizes below must be multiples of, but for pal_discard. Misuse is a trap. */
PAL_BUILTIN("palisade:memory", "page_size") int32_t pal_page_size(void);
/* Zero-fills any range and gives whole pages back to the OS. */
PAL_BUILTIN("palisade:memory", "discard") void pal_discard(void *at, size_t size);
/* Results: 0, or a WASI errno where the OS refuses. */
PAL_BUILTIN("palisade:memory", "protect") int32_t pal_protect(void *at, size_t size, int32_t prot);
/* Of virtual memories (--memory 0:virtual). */
PAL_BUILTIN("palisade:memory", "map") int32_t pal_map(void *at, size_t size, int32_t prot);
PAL_BUILTIN("palisade:memory", "map_any") void *pal_map_any(size_t size, int32_t prot); /* or (void *)-1 */
PAL_BUILTIN("palisade:memory", "unmap") int32_t pal_unmap(void *at, size_t size);
PAL_BUILTIN("palisade:memory", "alias") int32_t pal_alias(void *dst, void *src, size_t size);

/* ---- Other memories ----
 *
 * PAL_MEMORY(id, "palisade:memory/NAME", uint32_t) declares id_load_i32(address), id_store_f64(address, value), …
 * for the memory that `--memory new:NAME:min=…` adds to the module, or that it has; uint64_t for a 64-bit memory. An
 * array of doubles that lives there:
 *
 *     PAL_MEMORY(heap, "palisade:memory/heap", uint32_t)
 *     static double element(uint32_t i) { return heap_load_f64(i * 8); }
 */
#define PAL_MEMORY(id, module, address) \
	PAL_LOAD(module, "i32.load8_s") int32_t id##_load_i8(address); \
	PAL_LOAD(module, "i32.load8_u") uint32_t id##_load_u8(address); \
	PAL_LOAD(module, "i32.load16_s") int32_t id##_load_i16(address); \
	PAL_LOAD(module, "i32.load16_u") uint32_t id##_load_u16(address); \
	PAL_LOAD(module, "i32.load") int32_t id##_load_i32(address); \
	PAL_LOAD(module, "i64.load") int64_t id##_load_i64(address); \
	PAL_LOAD(module, "f32.load") float id##_load_f32(address); \
	PAL_LOAD(module, "f64.load") double id##_load_f64(address); \
	PAL_BUILTIN(module, "i32.store8") void id##_store_i8(address, int32_t); \
	PAL_BUILTIN(module, "i32.store16") void id##_store_i16(address, int32_t); \
	PAL_BUILTIN(module, "i32.store") void id##_store_i32(address, int32_t); \
	PAL_BUILTIN(module, "i64.store") void id##_store_i64(address, int64_t); \
	PAL_BUILTIN(module, "f32.store") void id##_store_f32(address, float); \
	PAL_BUILTIN(module, "f64.store") void id##_store_f64(address, double); \
	PAL_BUILTIN(module, "size") address id##_size(void); /* pages of 64 KiB */ \
	PAL_BUILTIN(module, "grow") address id##_grow(address pages); \
	PAL_BUILTIN(module, "discard") void id##_discard(address, address size); \
	PAL_BUILTIN(module, "protect") int32_t id##_protect(address, address size, int32_t prot); \
	PAL_BUILTIN(module, "copy_in") void id##_copy_in(address to, const void *from, uint32_t size); \
	PAL_BUILTIN(module, "copy_out") void id##_copy_out(void *to, address from, uint32_t size);
/* The same for pages of a virtual one. */
#define PAL_VIRTUAL_MEMORY(id, module, address) \
	PAL_MEMORY(id, module, address) \
	PAL_BUILTIN(module, "map") int32_t id##_map(address, address size, int32_t prot); \
	PAL_BUILTIN(module, "map_any") address id##_map_any(address size, int32_t prot); \
	PAL_BUILTIN(module, "unmap") int32_t id##_unmap(address, address size); \
	PAL_BUILTIN(module, "alias") int32_t id##_alias(address dst, address src, address size);
#endif
#endif
