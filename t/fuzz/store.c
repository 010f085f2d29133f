/*
 * A damaged file: the input is a list of changes (three bytes where, one what)
 * to a sound store.  It is refused, or says what one of its last two commits
 * said: LMDB keeps a header for each, and a number changed in the newer header
 * makes the older one count.  Writers refuse it or leave a sound one.
 */
#include "t/fuzz/fuzz.h"

#include <fcntl.h>

#include "policy/store/store.h"

static char path[512];
static unsigned char good[1 << 18], bad[1 << 18];
static size_t good_size;
static uint64_t good_sum, older_sum;

static bool
add_rule(void *arg, const struct stored_rule *rule)
{
	uint64_t *sum = arg;

	for (size_t i = 0; i < rule->key.n; i++)
		*sum = *sum * 31 + (unsigned char)rule->key.p[i];
	for (size_t i = 0; i < rule->requirement.n; i++)
		*sum = *sum * 31 + (unsigned char)rule->requirement.p[i];
	*sum = *sum * 31 + rule->line;
	return true;
}

static bool
look(uint64_t *sum)
{
	struct store_reader reader;
	struct fault fault;
	struct store *store = store_open(path, &fault);

	*sum = 1;
	if (store == NULL) {
		FUZZ_CHECK(fault.kind != FAULT_NONE);
		return false;
	}
	FUZZ_CHECK(store_begin(store, &reader, &fault));
	FUZZ_CHECK(store_each(&reader, add_rule, sum));
	*sum = *sum * 31 + reader.info.generation;
	store_end(&reader);
	store_close(store);
	return true;
}

static void
write_file(const unsigned char *bytes, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	FUZZ_CHECK(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
	close(fd);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	char rules[8192] = "";
	int fd;

	(void)argc;
	(void)argv;
	snprintf(path, sizeof path, "%s", fuzz_path("store"));
	for (int i = 0; i < 100; i++)
		sprintf(rules + strlen(rules), "TLS_Clt:h%d.example VERIFY:112"
		    "+CN:mail%d.example\n", i, i);
	for (int i = 0; i < 3; i++) {
		fuzz_build(path, rules);
		older_sum = good_sum;
		FUZZ_CHECK(look(&good_sum));
	}
	fd = open(path, O_RDONLY);
	good_size = (size_t)read(fd, good, sizeof good);
	close(fd);
	FUZZ_CHECK(good_size > 8192 && good_size < sizeof good);
	return 0;
}

static void
change(const uint8_t *data, size_t size)
{
	memcpy(bad, good, good_size);
	for (size_t i = 0; i + 3 < size; i += 4)
		bad[((size_t)data[i] << 16 | (size_t)data[i + 1] << 8 |
		    data[i + 2]) % good_size] = data[i + 3];
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rulefile file;
	struct fault fault;
	uint64_t sum;

	change(data, size);
	write_file(bad, good_size);
	if (look(&sum))
		FUZZ_CHECK(sum == good_sum || sum == older_sum);
	rulefile_init(&file, NULL, NULL);
	FUZZ_CHECK(rulefile_read_text(&file, slice_of("TLS_Clt:new OK\n"),
	    "fuzz", &fault) && rulefile_finish(&file));
	fault_clear(&fault);
	FUZZ_CHECK(rebuild_set(path, &file,
	    &(struct authorship){ .now = 2 }, NULL, NULL, &fault) ||
	    fault.text[0] != '\0');
	write_file(bad, good_size);
	if (rebuild_store(path, &file,
	    &(struct authorship){ .now = 2 }, REBUILD_SCRATCH, NULL, NULL, &fault))
		FUZZ_CHECK(look(&sum));
	rulefile_free(&file);
	return 0;
}
