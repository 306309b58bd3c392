#include "p.h"
#include <stdio.h>
static struct p *p;
static void v(void *a) { (void)a; p_v(p, 65536 - 8); }
static void v1(void *a) { (void)a; p_v(p, 65536 - 9); }
static void s(void *a) { (void)a; p_s(p, 65536 - 9); }
static void c(void *a) { (void)a; p_copy(p, 65530, 0, 20); }
int main(void)
{
	if (pal_p_instantiate(&p)) return 1;
	void (*all[])(void *) = { v, v1, s, c };
	for (int i = 0; i < 4; i++) {
		pal_trap t = pal_try(all[i], 0);
		printf("%d %s: %llx %llx\n", t, pal_last_trap()->message, (unsigned long long)p_peek(p, 65520), (unsigned long long)p_peek(p, 65528));
	}
	return 0;
}
