/* QEMU's virt machine: a PL011 UART, the generic timer, PSCI. */
#include "board.h"

static volatile uint32_t *const uart = (volatile uint32_t *)0x09000000;
enum { UART_DATA = 0, UART_FLAGS = 0x18 / 4, TRANSMITTER_FULL = 1 << 5, RECEIVER_EMPTY = 1 << 4 };

static void put(char byte)
{
	while (uart[UART_FLAGS] & TRANSMITTER_FULL)
		;
	uart[UART_DATA] = (uint8_t)byte;
}

void print(const char *text)
{
	for (; *text; text++)
		put(*text);
}

void print_number(uint64_t number)
{
	if (number >= 10)
		print_number(number / 10);
	put((char)('0' + number % 10));
}

static void write_bytes(int fd, const void *bytes, size_t length)
{
	(void)fd; /* there is one line */
	for (size_t i = 0; i < length; i++)
		put(((const char *)bytes)[i]);
}

static size_t read_bytes(void *bytes, size_t length)
{
	if (length == 0 || uart[UART_FLAGS] & RECEIVER_EMPTY)
		return 0;
	*(char *)bytes = (char)uart[UART_DATA];
	return 1;
}

static uint64_t now(void)
{
	uint64_t ticks, frequency;
	__asm__ volatile("isb\n\tmrs %0, cntvct_el0" : "=r"(ticks));
	__asm__ volatile("mrs %0, cntfrq_el0" : "=r"(frequency));
	return ticks / frequency * 1000000000 + ticks % frequency * 1000000000 / frequency; /* frequencies are below 2^34 */
}

/* From the CPU, if it has a generator. */
static bool random_bytes(void *bytes, size_t length)
{
	uint64_t features, number;
	__asm__ volatile("mrs %0, id_aa64isar0_el1" : "=r"(features));
	if (features >> 60 == 0)
		return false;
	for (size_t i = 0; i < length; i++) {
		uint64_t failed;
		__asm__ volatile("mrs %0, s3_3_c2_c4_0\n\tcset %1, eq" : "=r"(number), "=r"(failed) : : "cc"); /* RNDR */
		if (failed)
			return false;
		((uint8_t *)bytes)[i] = (uint8_t)number;
	}
	return true;
}

_Noreturn void power_off(void)
{
	register uint64_t function __asm__("x0") = 0x84000008; /* PSCI SYSTEM_OFF */
	__asm__ volatile("hvc #0" : "+r"(function) : : "memory");
	for (;;)
		;
}

static void stop(int status)
{
	print("stopped with status ");
	print_number((uint64_t)status);
	print("\n");
	power_off();
}

pal_board_port port = {
	.write = write_bytes, .read = read_bytes, .now = now, .random = random_bytes, .stop = stop,
};

void unexpected_exception(uint64_t syndrome, uint64_t pc, uint64_t address)
{
	print("unexpected exception: syndrome ");
	print_number(syndrome);
	print(", at ");
	print_number(pc);
	print(", address ");
	print_number(address);
	print("\n");
	power_off();
}
