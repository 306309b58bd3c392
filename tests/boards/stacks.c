/* All ways to use up the stack, one after the other. */
#include "board.h"
#include "other.h"
#include "sensor.h"

struct host {
	struct sensor *sensor;
};

int32_t host_back(struct host *host, int32_t value)
{
	return sensor_host(host->sensor, value);
}

typedef int32_t way(struct sensor *, int32_t);

struct call {
	struct sensor *sensor;
	way *way;
};

static void run(void *data)
{
	struct call *call = data;
	call->way(call->sensor, 1);
}

/* So much of the stack's low end is nobody's: what C may use below the limit is less. */
enum { UNUSED = 8 << 10 };

int main(void)
{
	static const struct {
		const char *name;
		way *way;
	} ways[] = {
		{ "plain", sensor_plain }, { "indirect", sensor_indirect }, { "other", sensor_other }, { "host", sensor_host },
		{ "small", sensor_small }, { "large", sensor_large },       { "huge", sensor_huge },   { "tail", sensor_tail },
	};
	for (int i = 0; i < UNUSED; i++)
		((volatile char *)stack_low)[i] = 0x5a;
	pal_board board = { free_low, 1 << 20, stack_low, stack_high, &port };
	struct other *other;
	struct host host;
	if (!pal_board_init(&board) || pal_other_instantiate(&other) || pal_sensor_instantiate(&host.sensor, other, &host)) {
		print(pal_last_trap()->message);
		power_off();
	}
	for (unsigned i = 0; i < sizeof ways / sizeof *ways; i++) {
		struct call call = { host.sensor, ways[i].way };
		print(ways[i].name);
		print(": ");
		print(pal_trap_text(pal_try(run, &call)));
		print(", and ");
		print_number((uint64_t)sensor_fine(host.sensor, 41));
		print("\n");
	}
	for (int i = 0; i < UNUSED; i++) {
		if (((volatile char *)stack_low)[i] != 0x5a) {
			print("the stack was overrun\n");
			power_off();
		}
	}
	print("untouched\n");
	print_number((uint32_t)sensor_unaligned(host.sensor, 1));
	print(" ");
	print_number((uint32_t)sensor_caught(host.sensor, 1));
	print("\n");
	power_off();
}
