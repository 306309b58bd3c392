/* Directories and variables that programs are given. */
#define _GNU_SOURCE
#include "hand.h"
#include "grants.h"
#include <string.h>

static bool dir_is(const struct pal_grants *grants, size_t i, const char *host, const char *guest, int read_only)
{
	const pal_wasi_dir *dir = &grants->dirs[i];
	return i < grants->dir_count && !strcmp(dir->host, host) && !strcmp(dir->guest, guest) && dir->read_only == read_only;
}

void test_grants(void)
{
	struct pal_grants grants = { 0 };
	CHECK(pal_grants_dir(&grants, ".") && dir_is(&grants, 0, ".", ".", 0));
	CHECK(pal_grants_dir(&grants, "/srv:ro") && dir_is(&grants, 1, "/srv", "/srv", 1));
	CHECK(pal_grants_dir(&grants, "/srv::/:ro") && dir_is(&grants, 2, "/srv", "/", 1));
	CHECK(pal_grants_dir(&grants, "a::b") && dir_is(&grants, 3, "a", "b", 0));
	CHECK(!pal_grants_dir(&grants, "") && !pal_grants_dir(&grants, "::x") && !pal_grants_dir(&grants, "x::"));
	CHECK(!pal_grants_dir(&grants, ":ro") && !pal_grants_dir(&grants, "x:::ro") && grants.dir_count == 4);
	CHECK(pal_grants_dir(&grants, "x::ro") && dir_is(&grants, 4, "x:", "x:", 1));
	CHECK(pal_grants_dir_list(&grants, "p\\,q,r::s:ro,") && dir_is(&grants, 5, "p,q", "p,q", 0) && dir_is(&grants, 6, "r", "s", 1));
	CHECK(pal_grants_dir_list(&grants, "") && grants.dir_count == 7 && !pal_grants_dir_list(&grants, "a,::"));
	char *host[] = { "HOME=/root", "LANG=C", "HOMER=x", NULL };
	CHECK(pal_grants_env(&grants, "A=1=2", host) && pal_grants_env(&grants, "HOME", host) && grants.env_count == 2);
	CHECK(!strcmp(grants.envs[0], "A=1=2") && !strcmp(grants.envs[1], "HOME=/root") && grants.envs[2] == NULL);
	CHECK(pal_grants_env(&grants, "NONE", host) && grants.env_count == 2 && !pal_grants_env(&grants, "=x", host));
	CHECK(pal_grants_env(&grants, "A=3", host) && !strcmp(grants.envs[0], "A=3") && grants.env_count == 2);
	CHECK(pal_grants_env_list(&grants, "LANG,NONE", host) && grants.env_count == 3);
	CHECK(!pal_grants_env_list(&grants, "X=1", host) && pal_grants_env_list(&grants, "*", host) && grants.env_count == 4);
	pal_grants_drop(&grants);
}
