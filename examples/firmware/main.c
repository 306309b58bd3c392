/* The firmware: two guests, of which one is not to be trusted. */
#include "board.h"
#include "report.h"
#include "sensor.h"

static void print_size(const char *what, uint64_t bytes)
{
	print(what);
	print_number(bytes);
	print(" bytes\n");
}

/* ---- The sensor's driver ---- */

struct call {
	struct sensor *sensor;
	int what;
	int32_t result;
};

static void call_sensor(void *data)
{
	struct call *call = data;
	switch (call->what) {
	case 0: call->result = sensor_average(call->sensor); break;
	case 1: call->result = sensor_sample_at(call->sensor, 70000); break;
	case 2: call->result = (int32_t)sensor_settle(call->sensor, 1); break;
	}
}

static void run_sensor(void)
{
	struct sensor *sensor;
	if (pal_sensor_instantiate(&sensor) != PAL_TRAP_NONE) {
		print(pal_last_trap()->message);
		return;
	}
	for (int what = 0; what < 3; what++) { /* each of its bugs, and it goes on */
		struct call call = { sensor, what, 0 };
		if (pal_try(call_sensor, &call) != PAL_TRAP_NONE) {
			print("sensor: ");
			print(pal_last_trap()->message);
			print("\n");
		}
	}
	for (int i = 1; i <= 100; i++)
		sensor_add(sensor, i * 3);
	print("sensor: the average is ");
	print_number((uint64_t)sensor_average(sensor));
	print("\n");
	pal_sensor_free(sensor);
}

/* ---- The report, a program with a main ---- */

static void start_report(void *report)
{
	report__start(report);
}

static void run_report(void)
{
	static const char *const arguments[] = { "report", "1000" };
	pal_wasi_options options = { .argc = 2, .argv = arguments };
	pal_wasi *wasi;
	struct wasi_snapshot_preview1 *view;
	struct report *report;
	if (pal_wasi_new(&wasi, &options) != PAL_OK || (view = pal_wasi_view(wasi)) == NULL ||
	    pal_report_instantiate(&report, view) != PAL_TRAP_NONE) {
		print("no room for the report\n");
		return;
	}
	pal_trap trap = pal_try(start_report, report);
	if (trap == PAL_TRAP_EXIT) {
		print("report: ended with ");
		print_number((uint64_t)pal_last_trap()->exit_code);
	} else {
		print("report: ");
		print(pal_last_trap()->message);
	}
	print("\n");
	print_size("arena in use:  ", pal_board_arena().used);
	pal_report_free(report);
	pal_wasi_view_free(view);
	pal_wasi_free(wasi);
}

int main(void)
{
	print("firmware: hello\n");
	pal_board board = { free_low, 4 << 20, stack_low, stack_high, &port };
#ifdef WITH_MMU
	mmu_begin(free_low + board.arena_size);
#endif
	if (!pal_board_init(&board)) {
		print("firmware: the stack is too small\n");
		power_off();
	}
	run_sensor();
	run_report();
	print_size("text:          ", (uint64_t)(text_high - text_low));
	print_size("data:          ", (uint64_t)(bss_high - data_low));
	print_size("arena at most: ", pal_board_arena().peak);
	print_size("arena at last: ", pal_board_arena().used);
	print("firmware: done\n");
	power_off();
}
