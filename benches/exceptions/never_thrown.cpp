// What compiled C++ calls to throw and catch. The programs beside it never do: whoever comes here stops.
__asm__(".tagtype __cpp_exception i32\n.globl __cpp_exception\n__cpp_exception:\n");
extern "C" {
struct {
	unsigned long lpad, lsda, selector;
} __wasm_lpad_context;
[[noreturn]] int _Unwind_CallPersonality(void *) { __builtin_trap(); }
[[noreturn]] void *__cxa_allocate_exception(unsigned long) { __builtin_trap(); }
[[noreturn]] void __cxa_free_exception(void *) { __builtin_trap(); }
[[noreturn]] void __cxa_throw(void *, void *, void *(*)(void *)) { __builtin_trap(); }
[[noreturn]] void __cxa_rethrow() { __builtin_trap(); }
[[noreturn]] void *__cxa_begin_catch(void *) { __builtin_trap(); }
[[noreturn]] void __cxa_end_catch() { __builtin_trap(); }
[[noreturn]] void *__cxa_get_exception_ptr(void *) { __builtin_trap(); }
}
