// throwing.wat in C++.
static volatile int passed;
[[gnu::noinline]] static void one(unsigned i) { throw i; }
[[gnu::noinline]] static void two(unsigned i) { one(i), passed = 4; }
[[gnu::noinline]] static void three(unsigned i) { two(i), passed = 3; }
[[gnu::noinline]] static void four(unsigned i) { three(i), passed = 2; }
[[gnu::noinline]] static void five(unsigned i) { four(i), passed = 1; }
int main()
{
	unsigned sum = 0;
	for (unsigned i = 0; i < 1000000; i++)
		try {
			five(i);
		} catch (unsigned thrown) {
			sum += thrown;
		}
	return sum != 1783293664 || passed;
}
