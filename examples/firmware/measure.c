/* How many instructions a guest takes, and the same C compiled for the board itself. QEMU counts them exactly with
 * -icount shift=0. */
#include "board.h"
#include "work.h"

uint32_t native_work(uint32_t turns);

enum { TURNS = 50 };

static void count_instructions(void)
{
	__asm__ volatile("msr pmevtyper0_el0, %0" : : "r"(8ull)); /* INST_RETIRED */
	__asm__ volatile("msr pmcntenset_el0, %0" : : "r"(1ull));
	__asm__ volatile("msr pmcr_el0, %0\n\tisb" : : "r"(1ull));
}

static uint32_t instructions(void)
{
	uint64_t count;
	__asm__ volatile("isb\n\tmrs %0, pmevcntr0_el0" : "=r"(count) : : "memory");
	return (uint32_t)count;
}

int main(void)
{
	pal_board board = { free_low, 4 << 20, stack_low, stack_high, &port };
#ifdef WITH_MMU
	mmu_begin(free_low + board.arena_size);
#endif
	struct work *work;
	if (!pal_board_init(&board) || pal_work_instantiate(&work) != PAL_TRAP_NONE) {
		print(pal_last_trap()->message);
		power_off();
	}
	count_instructions();
	uint32_t begin = instructions();
	uint32_t native = native_work(TURNS);
	uint32_t middle = instructions();
	uint32_t guest = (uint32_t)work_work(work, TURNS);
	uint32_t end = instructions();
	print(native == guest ? "results: the same\n" : "results: DIFFERENT\n");
	print("native: ");
	print_number(middle - begin);
	print(" instructions\nguest:  ");
	print_number(end - middle);
	print(" instructions, ");
	print_number((uint64_t)(end - middle) * 100 / (middle - begin));
	print("%\n");
	power_off();
}
