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
/* Shows a file where nothing is mapped: private pages, or (flags 1) shared ones, whose bytes are the file's. The
 * descriptor is one of WASI's, with its rights. Reading behind the file's last page is a trap. */
PAL_BUILTIN("palisade:memory", "map_file")
int32_t pal_map_file(void *at, size_t size, int32_t fd, uint64_t offset, int32_t prot, int32_t flags);

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
	PAL_ACCESSORS_(id, module, address, ) \
	PAL_BUILTIN(module, "size") address id##_size(void); /* pages of 64 KiB */
/* The same with the memory's index as first argument: a memory that is chosen as the program runs. uint64_t if any memory
 * of the module is 64-bit. */
#define PAL_ANY_MEMORY(id, address) \
	PAL_ACCESSORS_(id, "palisade:memory/any", address, PAL_CHOSEN_) \
	PAL_BUILTIN("palisade:memory/any", "size") address id##_size(uint32_t memory);
#define PAL_CHOSEN_ uint32_t memory,
#define PAL_ACCESSORS_(id, module, address, first) \
	PAL_LOAD(module, "i32.load8_s") int32_t id##_load_i8(first address); \
	PAL_LOAD(module, "i32.load8_u") uint32_t id##_load_u8(first address); \
	PAL_LOAD(module, "i32.load16_s") int32_t id##_load_i16(first address); \
	PAL_LOAD(module, "i32.load16_u") uint32_t id##_load_u16(first address); \
	PAL_LOAD(module, "i32.load") int32_t id##_load_i32(first address); \
	PAL_LOAD(module, "i64.load") int64_t id##_load_i64(first address); \
	PAL_LOAD(module, "f32.load") float id##_load_f32(first address); \
	PAL_LOAD(module, "f64.load") double id##_load_f64(first address); \
	PAL_BUILTIN(module, "i32.store8") void id##_store_i8(first address, int32_t); \
	PAL_BUILTIN(module, "i32.store16") void id##_store_i16(first address, int32_t); \
	PAL_BUILTIN(module, "i32.store") void id##_store_i32(first address, int32_t); \
	PAL_BUILTIN(module, "i64.store") void id##_store_i64(first address, int64_t); \
	PAL_BUILTIN(module, "f32.store") void id##_store_f32(first address, float); \
	PAL_BUILTIN(module, "f64.store") void id##_store_f64(first address, double); \
	PAL_BUILTIN(module, "grow") address id##_grow(first address pages); \
	PAL_BUILTIN(module, "discard") void id##_discard(first address, address size); \
	PAL_BUILTIN(module, "protect") int32_t id##_protect(first address, address size, int32_t prot); \
	PAL_BUILTIN(module, "copy_in") void id##_copy_in(first address to, const void *from, uint32_t size); \
	PAL_BUILTIN(module, "copy_out") void id##_copy_out(first void *to, address from, uint32_t size);
/* The same for pages of a virtual one. */
#define PAL_VIRTUAL_MEMORY(id, module, address) \
	PAL_MEMORY(id, module, address) \
	PAL_BUILTIN(module, "map") int32_t id##_map(address, address size, int32_t prot); \
	PAL_BUILTIN(module, "map_any") address id##_map_any(address size, int32_t prot); \
	PAL_BUILTIN(module, "unmap") int32_t id##_unmap(address, address size); \
	PAL_BUILTIN(module, "alias") int32_t id##_alias(address dst, address src, address size); \
	PAL_BUILTIN(module, "map_file") int32_t id##_map_file(address, address size, int32_t fd, uint64_t offset, int32_t prot, \
	                                                      int32_t flags);
/* The same for a bindable one (--memory …:bind): the bytes that the host has offered under this handle become its bytes.
 * 0, or EBADF (no such handle), EINVAL (a memory of another kind). */
#define PAL_BINDABLE_MEMORY(id, module, address) \
	PAL_MEMORY(id, module, address) \
	PAL_BUILTIN(module, "bind") int32_t id##_bind(int32_t handle);

/* Atomic accesses, beside PAL_MEMORY: id_atomic_add_i32(address, value), …; addresses are multiples of the size. */
#define PAL_ATOMIC_MEMORY(id, module, address) \
	PAL_ATOMICS_(id, module, address, i32, int32_t, "i32", "", "") \
	PAL_ATOMICS_(id, module, address, u8, uint32_t, "i32", "8", "_u") \
	PAL_ATOMICS_(id, module, address, u16, uint32_t, "i32", "16", "_u") \
	PAL_ATOMICS_(id, module, address, i64, int64_t, "i64", "", "") \
	PAL_ATOMICS_(id, module, address, u32, uint64_t, "i64", "32", "_u") \
	PAL_BUILTIN(module, "memory.atomic.wait32") int32_t id##_wait_i32(address, int32_t expected, int64_t nanoseconds); \
	PAL_BUILTIN(module, "memory.atomic.wait64") int32_t id##_wait_i64(address, int64_t expected, int64_t nanoseconds); \
	PAL_BUILTIN(module, "memory.atomic.notify") int32_t id##_notify(address, int32_t count);
#define PAL_ATOMICS_(id, module, address, suffix, type, wasm, bits, u) \
	PAL_BUILTIN(module, wasm ".atomic.load" bits u) type id##_atomic_load_##suffix(address); \
	PAL_BUILTIN(module, wasm ".atomic.store" bits) void id##_atomic_store_##suffix(address, type); \
	PAL_BUILTIN(module, wasm ".atomic.rmw" bits ".add" u) type id##_atomic_add_##suffix(address, type); \
	PAL_BUILTIN(module, wasm ".atomic.rmw" bits ".sub" u) type id##_atomic_sub_##suffix(address, type); \
	PAL_BUILTIN(module, wasm ".atomic.rmw" bits ".and" u) type id##_atomic_and_##suffix(address, type); \
	PAL_BUILTIN(module, wasm ".atomic.rmw" bits ".or" u) type id##_atomic_or_##suffix(address, type); \
	PAL_BUILTIN(module, wasm ".atomic.rmw" bits ".xor" u) type id##_atomic_xor_##suffix(address, type); \
	PAL_BUILTIN(module, wasm ".atomic.rmw" bits ".xchg" u) type id##_atomic_swap_##suffix(address, type); \
	PAL_BUILTIN(module, wasm ".atomic.rmw" bits ".cmpxchg" u) type id##_atomic_cas_##suffix(address, type expected, type);

#ifdef __wasm_simd128__
#include <wasm_simd128.h>
/* Vectors, with -msimd128, beside PAL_MEMORY: id_load_v128(address), id_load32_lane1(address, vector), … */
#define PAL_VECTOR_MEMORY(id, module, address) \
	PAL_BUILTIN(module, "v128.load") v128_t id##_load_v128(address); \
	PAL_BUILTIN(module, "v128.store") void id##_store_v128(address, v128_t); \
	PAL_BUILTIN(module, "v128.load8_splat") v128_t id##_load8_splat(address); \
	PAL_BUILTIN(module, "v128.load16_splat") v128_t id##_load16_splat(address); \
	PAL_BUILTIN(module, "v128.load32_splat") v128_t id##_load32_splat(address); \
	PAL_BUILTIN(module, "v128.load64_splat") v128_t id##_load64_splat(address); \
	PAL_BUILTIN(module, "v128.load32_zero") v128_t id##_load32_zero(address); \
	PAL_BUILTIN(module, "v128.load64_zero") v128_t id##_load64_zero(address); \
	PAL_BUILTIN(module, "v128.load8x8_s") v128_t id##_load_i8x8(address); \
	PAL_BUILTIN(module, "v128.load8x8_u") v128_t id##_load_u8x8(address); \
	PAL_BUILTIN(module, "v128.load16x4_s") v128_t id##_load_i16x4(address); \
	PAL_BUILTIN(module, "v128.load16x4_u") v128_t id##_load_u16x4(address); \
	PAL_BUILTIN(module, "v128.load32x2_s") v128_t id##_load_i32x2(address); \
	PAL_BUILTIN(module, "v128.load32x2_u") v128_t id##_load_u32x2(address); \
	PAL_LANES2_(id, module, address, 64, 0, 1) \
	PAL_LANES2_(id, module, address, 32, 0, 1) PAL_LANES2_(id, module, address, 32, 2, 3) \
	PAL_LANES2_(id, module, address, 16, 0, 1) PAL_LANES2_(id, module, address, 16, 2, 3) \
	PAL_LANES2_(id, module, address, 16, 4, 5) PAL_LANES2_(id, module, address, 16, 6, 7) \
	PAL_LANES2_(id, module, address, 8, 0, 1) PAL_LANES2_(id, module, address, 8, 2, 3) \
	PAL_LANES2_(id, module, address, 8, 4, 5) PAL_LANES2_(id, module, address, 8, 6, 7) \
	PAL_LANES2_(id, module, address, 8, 8, 9) PAL_LANES2_(id, module, address, 8, 10, 11) \
	PAL_LANES2_(id, module, address, 8, 12, 13) PAL_LANES2_(id, module, address, 8, 14, 15)
#define PAL_LANES2_(id, module, address, bits, a, b) PAL_LANE_(id, module, address, bits, a) PAL_LANE_(id, module, address, bits, b)
#define PAL_LANE_(id, module, address, bits, lane) \
	PAL_BUILTIN(module, "v128.load" #bits "_lane " #lane) v128_t id##_load##bits##_lane##lane(address, v128_t); \
	PAL_BUILTIN(module, "v128.store" #bits "_lane " #lane) void id##_store##bits##_lane##lane(address, v128_t);
#endif
#endif
#endif
