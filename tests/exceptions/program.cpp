// What C++ does with exceptions, told step by step through note(): compiled natively, and to wasm in both generations,
// it must tell the same.
#include <setjmp.h>

extern "C" void note(int);

struct Noisy {
	int number;
	explicit Noisy(int n) : number(n) { note(1000 + number); }
	~Noisy() { note(2000 + number); }
};
struct Base { int value; };
struct Derived : Base { int more; };
struct Other { long long wide; };

static volatile int zero; // keeps the optimizer from knowing the way

static void raise(int what)
{
	Noisy noisy(what);
	switch (what + zero) {
	case 1: throw Base{ 11 };
	case 2: { Derived d; d.value = 22; d.more = 3; throw d; }
	case 3: throw Other{ 33 };
	case 4: throw 44;
	}
}

// Destructors run from the inside out, in every frame.
static void deep(int levels, int what)
{
	Noisy noisy(10 + levels);
	if (levels == 0)
		raise(what);
	else
		deep(levels - 1, what);
	note(3000 + levels);
}

static void by_type(int what)
{
	try {
		deep(3, what);
		note(1);
	} catch (const Base &b) {
		note(b.value);
	} catch (const Other &o) {
		note((int)o.wide);
	} catch (int i) {
		note(i);
	}
}

static void rethrow(int what)
{
	try {
		try {
			Noisy noisy(50);
			deep(1, what);
		} catch (const Base &b) {
			note(100 + b.value);
			throw;
		} catch (...) {
			Noisy noisy(51);
			throw Base{ 66 };
		}
	} catch (const Derived &d) {
		note(200 + d.more);
	} catch (const Base &b) {
		note(300 + b.value);
	}
}

// An exception thrown and caught while another one is being handled.
static void nested()
{
	try {
		raise(1);
	} catch (const Base &outer) {
		for (int i = 2; i <= 4; i++) {
			try {
				deep(i, i);
			} catch (const Derived &d) {
				note(400 + d.value);
			} catch (...) {
				note(450 + i);
			}
		}
		note(500 + outer.value);
	}
}

static int loop(int rounds)
{
	int caught = 0;
	for (int i = 0; i < rounds; i++) {
		try {
			if (i % 3 == zero)
				throw i;
			caught += 1000;
		} catch (int value) {
			caught += value;
		}
	}
	return caught;
}

static jmp_buf place;

static void jump(int depth, int value)
{
	if (depth == 0)
		longjmp(place, value);
	jump(depth - 1, value);
	note(-1);
}

static void jumps()
{
	volatile int seen = 0;
	int value = setjmp(place);
	note(600 + value);
	seen = seen + 1;
	if (value < 3)
		jump(value * 2, value + 1);
	note(700 + seen);
}

extern "C" void run()
{
	for (int what = 0; what <= 4; what++)
		by_type(what);
	for (int what = 1; what <= 3; what++)
		rethrow(what);
	nested();
	note(loop(100));
	jumps();
}
