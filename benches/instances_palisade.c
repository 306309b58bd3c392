/* Instances of Palisade's; see instances_measure.h. */
#include "instances.h"
#include <stdio.h>
#include <stdlib.h>

typedef struct instances *handle;

static int next(const handle *instance)
{
	return instances_next(*instance);
}

static handle make(void)
{
	handle instance;
	if (pal_instances_instantiate(&instance) != PAL_TRAP_NONE || next(&instance) != 1)
		exit(1);
	return instance;
}

static void end(handle instance)
{
	pal_instances_free(instance);
}

#include "instances_measure.h"

int main(void)
{
	return measure(20000, 2000000);
}
