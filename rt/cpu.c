/* See cpu.h. A module that needs more than the machine has is refused by name instead of dying of SIGILL. */
#include "cpu.h"
#include "context.h"
#include <stdatomic.h>
#include <stddef.h>

/* Those of `needed` that are missing: the name of the first, or NULL. */
#if defined(__x86_64__)
#include <cpuid.h>

struct cpu {
	uint32_t leaf1_c, leaf7_b, leaf7_c, extended_c;
	int avx, avx512; /* the OS saves these registers */
};

static uint32_t xcr0(void)
{
	uint32_t low, high;
	__asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	return low;
}

/* Leaves and bits: Intel SDM volume 2, CPUID; AMD APM volume 3, appendix E. */
static struct cpu ask(void)
{
	struct cpu cpu = { 0 };
	uint32_t a, b, c, d;
	if (__get_cpuid(1, &a, &b, &c, &d))
		cpu.leaf1_c = c;
	if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) {
		cpu.leaf7_b = b;
		cpu.leaf7_c = c;
	}
	if (__get_cpuid(0x80000001, &a, &b, &c, &d))
		cpu.extended_c = c;
	if (cpu.leaf1_c & bit_OSXSAVE) {
		uint32_t saved = xcr0();
		cpu.avx = (saved & 0x6) == 0x6;
		cpu.avx512 = (saved & 0xe6) == 0xe6;
	}
	return cpu;
}

static const char *missing(uint32_t needed)
{
	struct cpu cpu = ask();
	const struct {
		uint32_t feature;
		const char *name;
		int present;
	} features[] = {
		{ PAL_CPU_SSE3, "sse3", cpu.leaf1_c >> 0 & 1 },
		{ PAL_CPU_SSSE3, "ssse3", cpu.leaf1_c >> 9 & 1 },
		{ PAL_CPU_CMPXCHG16B, "cmpxchg16b", cpu.leaf1_c >> 13 & 1 },
		{ PAL_CPU_SSE41, "sse4.1", cpu.leaf1_c >> 19 & 1 },
		{ PAL_CPU_SSE42, "sse4.2", cpu.leaf1_c >> 20 & 1 },
		{ PAL_CPU_POPCNT, "popcnt", cpu.leaf1_c >> 23 & 1 },
		{ PAL_CPU_AVX, "avx", cpu.avx && (cpu.leaf1_c >> 28 & 1) },
		{ PAL_CPU_FMA, "fma", cpu.avx && (cpu.leaf1_c >> 12 & 1) },
		{ PAL_CPU_AVX2, "avx2", cpu.avx && (cpu.leaf7_b >> 5 & 1) },
		{ PAL_CPU_BMI1, "bmi1", cpu.leaf7_b >> 3 & 1 },
		{ PAL_CPU_BMI2, "bmi2", cpu.leaf7_b >> 8 & 1 },
		{ PAL_CPU_LZCNT, "lzcnt", cpu.extended_c >> 5 & 1 },
		{ PAL_CPU_AVX512, "avx512", cpu.avx512 && (cpu.leaf7_b >> 16 & 1) },
	};
	for (size_t i = 0; i < sizeof features / sizeof *features; i++)
		if ((needed & features[i].feature) && !features[i].present)
			return features[i].name;
	return NULL;
}
#elif defined(__riscv)
#include "arch.h"
#include "port.h"

static const char *missing(uint32_t needed)
{
	if (!(needed & PAL_CPU_RISCV_V))
		return NULL;
	pal_port_handle_faults();
	return pal_probe_vectors() ? NULL : "v";
}
#else
static const char *missing(uint32_t needed)
{
	(void)needed; /* the compiler names no features of others */
	return NULL;
}
#endif

const char *pal_cpu_missing(uint32_t needed)
{
	/* What was found once is there for good. CPUID leaves a virtual machine each time, which takes longer than making an
	 * instance does. Any order of loads and stores will do: nothing else hangs on it. */
	static _Atomic uint32_t present;
	if (!(needed & ~atomic_load_explicit(&present, memory_order_relaxed)))
		return NULL;
	const char *name = missing(needed);
	if (!name)
		atomic_fetch_or_explicit(&present, needed, memory_order_relaxed);
	return name;
}
