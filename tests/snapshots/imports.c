/* What state.wat imports, one for all variants. */
static int32_t theirs;
static pal_memory *memory_in;

int32_t *env_global(struct env *env)
{
	(void)env;
	return &theirs;
}

pal_memory *env_memory(struct env *env)
{
	(void)env;
	return memory_in;
}
