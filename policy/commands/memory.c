#include <jansson.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "policy/base/fault.h"
#include "policy/commands/memory.h"

static const char *scratch;

static void
remove_scratch(const char *file)
{
	char path[4096];

	snprintf(path, sizeof path, "%s/%s", scratch, file);
	unlink(path);
}

/* _exit(2): exit handlers may want locks that a library holds just now. */
static _Noreturn void
end(void)
{
	static const char said[] = "tlspolicy: out of memory\n";

	if (scratch != NULL) {
		remove_scratch("policy.mdb");
		remove_scratch("policy.mdb-lock");
		rmdir(scratch);
	}
	_exit(write(STDERR_FILENO, said, sizeof said - 1) == -1 ? FAULT_IO :
	    FAULT_UNAVAILABLE);
}

static void *
take(size_t n)
{
	void *p = malloc(n);

	if (p == NULL && n > 0)
		end();
	return p;
}

static void *
take_for_openssl(size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	return take(n);
}

static void *
more_for_openssl(void *old, size_t n, const char *file, int line)
{
	void *p = realloc(old, n);

	(void)file;
	(void)line;
	if (p == NULL && n > 0)
		end();
	return p;
}

static void
give_back_of_openssl(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	free(p);
}

void
memory_watch(void)
{
	CRYPTO_set_mem_functions(take_for_openssl, more_for_openssl,
	    give_back_of_openssl);
	json_set_alloc_funcs(take, free);
}

void
memory_scratch(const char *folder)
{
	scratch = folder;
}
