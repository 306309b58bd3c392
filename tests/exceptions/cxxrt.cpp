// The least of a C++ runtime for wasm: throwing, catching by class, int, and `...`, setjmp and longjmp. Compilers emit
// the calls; the layouts are those of the Itanium C++ ABI and of LLVM.
typedef unsigned char u8;
typedef unsigned long uptr;

extern "C" {
void *vtable_class[4] __asm__("_ZTVN10__cxxabiv117__class_type_infoE");
void *vtable_derived[4] __asm__("_ZTVN10__cxxabiv120__si_class_type_infoE");
struct Type {
	void **vtable; // two words into one of the tables above
	const char *name;
	Type *base; // of a derived class
};
Type type_int __asm__("_ZTIi") = { vtable_class + 2, "i", 0 };
[[noreturn]] void _ZSt9terminatev() { __builtin_trap(); }
void *memcpy(void *to, const void *from, uptr size)
{
	for (uptr i = 0; i < size; i++)
		((volatile u8 *)to)[i] = ((const u8 *)from)[i];
	return to;
}

// Set by the compiled landing pad, and answered.
struct { uptr lpad, lsda, selector; } __wasm_lpad_context;

struct Exception {
	Exception *next; // caught before it and still being handled
	Type *type;
	void *(*destroy)(void *);
	int handlers;
	alignas(16) u8 object[64];
};

static Exception pool[16];
static Exception *handled;
}

static Exception *of(void *object) { return (Exception *)((u8 *)object - __builtin_offsetof(Exception, object)); }

extern "C" void *__cxa_allocate_exception(uptr)
{
	for (Exception &e : pool)
		if (!e.type)
			return e.object;
	__builtin_trap();
}

extern "C" [[noreturn]] void __cxa_throw(void *object, Type *type, void *(*destroy)(void *))
{
	Exception *e = of(object);
	e->type = type;
	e->destroy = destroy;
	e->handlers = 0;
	__builtin_wasm_throw(0, e);
}

extern "C" void *__cxa_get_exception_ptr(void *e) { return ((Exception *)e)->object; }

extern "C" void *__cxa_begin_catch(void *thrown)
{
	Exception *e = (Exception *)thrown;
	e->handlers = e->handlers < 0 ? 1 - e->handlers : e->handlers + 1;
	if (handled != e) {
		e->next = handled;
		handled = e;
	}
	return e->object;
}

extern "C" void __cxa_end_catch()
{
	Exception *e = handled;
	if (e->handlers < 0) { // thrown again
		if (++e->handlers == 0)
			handled = e->next;
		return;
	}
	if (--e->handlers > 0)
		return;
	handled = e->next;
	if (e->destroy)
		e->destroy(e->object);
	e->type = 0;
}

extern "C" [[noreturn]] void __cxa_rethrow()
{
	handled->handlers = -handled->handlers;
	__builtin_wasm_throw(0, handled);
}

static uptr number(const u8 *&at)
{
	uptr value = 0;
	for (int shift = 0;; shift += 7) {
		u8 byte = *at++;
		value |= (uptr)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return value;
	}
}

static int signed_number(const u8 *&at)
{
	const u8 *start = at;
	uptr value = number(at);
	int bits = 7 * (int)(at - start);
	return bits < 32 && (at[-1] & 0x40) ? (int)(value | ~0ul << bits) : (int)value;
}

static bool is_a(const Type *type, const Type *wanted)
{
	while (type != wanted) {
		if (type->vtable != vtable_derived + 2)
			return false;
		type = type->base;
	}
	return true;
}

// Which handler of the function's table fits? 0: only cleanups.
extern "C" int _Unwind_CallPersonality(void *thrown)
{
	const Exception *e = (Exception *)thrown;
	const u8 *at = (const u8 *)__wasm_lpad_context.lsda;
	__wasm_lpad_context.selector = 0;
	at++; // no start of landing pads
	if (*at++ == 0xff)
		return 0;
	uptr to_types = number(at);
	const u8 *types = at + to_types;
	at++; // encoding
	uptr sites = number(at);
	const u8 *actions = at + sites;
	for (uptr i = 0; i < __wasm_lpad_context.lpad; i++) {
		number(at);
		number(at);
	}
	number(at);
	uptr action = number(at);
	if (action == 0)
		return 0;
	for (const u8 *entry = actions + action - 1;;) {
		int filter = signed_number(entry);
		const u8 *next = entry;
		int distance = signed_number(next);
		if (filter > 0) {
			const Type *wanted = ((Type *const *)types)[-filter];
			if (!wanted || is_a(e->type, wanted)) {
				__wasm_lpad_context.selector = (uptr)filter;
				return 0;
			}
		}
		if (distance == 0)
			return 0;
		entry += distance;
	}
}

// ---- setjmp and longjmp, by exceptions with the tag __c_longjmp ----

struct Jump {
	void *frame; // of the function that called setjmp
	unsigned label;
	struct { void *env; int value; } thrown;
};

extern "C" void __wasm_setjmp(Jump *jump, unsigned label, void *frame)
{
	jump->frame = frame;
	jump->label = label;
}

extern "C" unsigned __wasm_setjmp_test(Jump *jump, void *frame) { return jump->frame == frame ? jump->label : 0; }

extern "C" [[noreturn]] void __wasm_longjmp(Jump *jump, int value)
{
	jump->thrown.env = jump;
	jump->thrown.value = value ? value : 1;
	__builtin_wasm_throw(1, &jump->thrown);
}
