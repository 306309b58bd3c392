/* See reservation.h. */
#include "reservation.h"
#include "port.h"
#include <stdlib.h>

size_t pal_page_round(size_t bytes)
{
	size_t page = pal_port_page();
	return (bytes + page - 1) & ~(page - 1);
}

struct pal_reservation *pal_reservation_new(size_t bytes)
{
	struct pal_reservation *reservation = malloc(sizeof *reservation);
	if (reservation == NULL)
		return NULL;
	reservation->at = pal_port_reserve(bytes);
	reservation->bytes = bytes;
	reservation->references = 1;
	if (reservation->at)
		return reservation;
	free(reservation);
	return NULL;
}

void pal_reservation_retain(struct pal_reservation *reservation)
{
	reservation->references++;
}

void pal_reservation_release(struct pal_reservation *reservation)
{
	if (reservation == NULL || --reservation->references > 0)
		return;
	pal_port_release(reservation->at, reservation->bytes);
	free(reservation);
}
