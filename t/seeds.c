/*
 * TARGET FOLDER INPUT: a fuzz target without a fuzzer.  It gets each seed of the
 * folder as it is, then with one thing wrong: cut off, a byte missing or another
 * one, a line that ends or begins too late.  What does not hold aborts; the
 * input is then in the file INPUT.
 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
__attribute__((weak)) int LLVMFuzzerInitialize(int *argc, char ***argv);

enum { SEED_MAX = 65536, EACH_MAX = 1000 };

enum change {
	CUT, CUT_LINE, CUT_HEAD, DROP, NUL, LINE, BLANK, DIGIT, SIGN, HIGH,
	CHANGES
};

static uint8_t input[SEED_MAX];
static size_t size;
static const char *path;

static void
on_abort(int number)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd != -1 && write(fd, input, size) != (ssize_t)size)
		close(fd);
	signal(number, SIG_DFL);
	raise(number);
}

static void
remove_bytes(size_t from, size_t to)
{
	memmove(input + from, input + to, size - to);
	size -= to - from;
}

static size_t
line_end(size_t at)
{
	while (at < size && input[at] != '\n')
		at++;
	return at;
}

static size_t
line_start(size_t at)
{
	while (at > 0 && input[at - 1] != '\n')
		at--;
	return at;
}

static void
change(enum change how, size_t at)
{
	static const char signs[] = "\":[]{},=<>@+-!\\%#/*";
	static const char bytes[] = { [LINE] = '\n', [BLANK] = ' ',
		[DIGIT] = '9' };

	switch (how) {
	case CUT:
		size = at;
		break;
	case CUT_LINE:
		remove_bytes(at, line_end(at));
		break;
	case CUT_HEAD:
		remove_bytes(line_start(at), at);
		break;
	case DROP:
		remove_bytes(at, at + 1);
		break;
	case SIGN:
		input[at] = (uint8_t)signs[at % (sizeof signs - 1)];
		break;
	case HIGH:
		input[at] ^= 0x80;
		break;
	default:
		input[at] = (uint8_t)bytes[how];
		break;
	}
}

static size_t
read_seed(int folder, const char *name, uint8_t seed[SEED_MAX])
{
	int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd == -1 ? -1 : read(fd, seed, SEED_MAX);

	if (n < 0 || n == SEED_MAX) {
		fprintf(stderr, "%s: cannot be read, or too large\n", name);
		exit(1);
	}
	close(fd);
	return (size_t)n;
}

/* Of a large seed a part of the changes, of each kind as many. */
static size_t
try_seed(const uint8_t *seed, size_t n)
{
	size_t step = n * CHANGES / EACH_MAX + 1, tried = 1;

	while (step % 2 == 0 || step % 5 == 0)
		step++;
	memcpy(input, seed, size = n);
	LLVMFuzzerTestOneInput(input, size);
	for (size_t k = 0; k < n * CHANGES; k += step, tried++) {
		memcpy(input, seed, size = n);
		change((enum change)(k % CHANGES), k / CHANGES);
		LLVMFuzzerTestOneInput(input, size);
	}
	return tried;
}

int
main(int argc, char **argv)
{
	static uint8_t seed[SEED_MAX];
	DIR *folder = argc == 3 ? opendir(argv[1]) : NULL;
	size_t seeds = 0, tried = 0;
	struct dirent *entry;

	if (folder == NULL)
		return 64;
	path = argv[2];
	for (int i = 0; i < 3; i++)
		signal((int[]){ SIGABRT, SIGSEGV, SIGBUS }[i], on_abort);
	if (LLVMFuzzerInitialize != NULL)
		LLVMFuzzerInitialize(&argc, &argv);
	while ((entry = readdir(folder)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		tried += try_seed(seed, read_seed(dirfd(folder),
		    entry->d_name, seed));
		seeds++;
	}
	closedir(folder);
	printf("%zu seeds, %zu inputs\n", seeds, tried);
	return seeds == 0;
}
