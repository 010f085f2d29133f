/*
 * tlspolicy audit key: the key that signs checkpoints, and who verifies them; or
 * the first key of a ratchet.
 */
#include <openssl/rand.h>

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <string.h>
#include <unistd.h>

#include "policy/audit/note.h"
#include "policy/commands/audit.h"

/* More than a name and a key in PEM form. */
enum { KEY_FILE_MAX = 4096 };

static const struct command_option options[] = {
	{ 'n', NULL, "ORIGIN", "make FILE, a new key of this name" },
	{ 'r', NULL, NULL, "make FILE, the first key of a new ratchet" },
	{ 0, NULL, NULL, NULL }
};

static bool
make_ratchet(FILE *file, struct fault *fault)
{
	unsigned char bytes[CHAIN_RATCHET_BYTES];
	char memory[CHAIN_RATCHET_TEXT];
	struct chain_key key;
	struct text text;
	bool good;

	text_init(&text, memory, sizeof memory);
	good = RAND_priv_bytes(bytes, sizeof bytes) == 1 ||
	    fault_set(fault, FAULT_SOFTWARE, "OpenSSL gives no random bytes");
	if (good && (good = chain_start_ratchet(bytes, &key, fault))) {
		chain_print_ratchet(&key, &text);
		chain_wipe_key(&key);
		fwrite(memory, 1, text.n, file);
	}
	explicit_bzero(bytes, sizeof bytes);
	explicit_bzero(memory, sizeof memory);
	return good;
}

/* Overwrites no file, and leaves no half of a key. */
static bool
put(const char *path, struct slice key, struct fault *fault)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW |
	    O_CLOEXEC, 0600), error = 0;
	ssize_t n;

	if (fd == -1)
		return fault_errno(fault, FAULT_IO, errno, "cannot make %s",
		    path);
	n = write(fd, key.p, key.n);
	if (n != (ssize_t)key.n)
		error = n == -1 ? errno : ENOSPC;
	else if (fsync(fd) == -1)
		error = errno;
	if (close(fd) == -1 && error == 0)
		error = errno;
	if (error == 0)
		return true;
	(void)unlink(path);
	return fault_errno(fault, FAULT_IO, error, "cannot write %s", path);
}

/*
 * The key is made before its file: OpenSSL without memory ends the command.
 * `origin` NULL: a ratchet.
 */
static bool
make(const char *path, const char *origin, struct fault *fault)
{
	char memory[KEY_FILE_MAX];
	FILE *file = fmemopen(memory, sizeof memory, "w");
	size_t n;
	bool good;

	if (file == NULL)
		return fault_no_memory(fault);
	setvbuf(file, NULL, _IONBF, 0);
	good = origin != NULL ? note_make_key(origin, file, fault) :
	    make_ratchet(file, fault);
	n = (size_t)ftell(file);
	if (fclose(file) == EOF && good)
		good = fault_no_memory(fault);
	good = good && put(path, slice_make(memory, n), fault);
	explicit_bzero(memory, sizeof memory);
	return good;
}

/* False: the file holds a key of another kind. */
static bool
print_ratchet(const char *path, int *status)
{
	struct chain_key key;
	struct fault fault;
	bool good = chain_read_key(path, &key, &fault), is_ratchet;

	is_ratchet = good ? key.epoch > 0 : chain_is_ratchet(path);
	if (good && is_ratchet)
		printf("ratchet %s, epoch %llu\n", key.id,
		    (unsigned long long)key.epoch);
	*status = good ? EXIT_FINE : is_ratchet ? command_fail(&fault) : 0;
	chain_wipe_key(&key);
	return is_ratchet;
}

static int
print(const char *path)
{
	char line[NOTE_VERIFIER_MAX];
	struct note_signer *signer;
	struct fault fault;
	int status;

	if (print_ratchet(path, &status))
		return status;
	signer = note_signer_open(path, &fault);
	if (signer == NULL)
		return command_fail(&fault);
	note_print_verifier(note_signer_verifier(signer), line);
	puts(line);
	if (!note_print_pem(signer, stdout)) {
		note_signer_free(signer);
		fault_set(&fault, FAULT_SOFTWARE, "OpenSSL failed");
		return command_fail(&fault);
	}
	note_signer_free(signer);
	return EXIT_FINE;
}

static int
run(struct context *context, int argc, char **argv)
{
	const char *origin = NULL;
	bool ratchet = false;
	struct fault fault;
	int c, status;

	while ((c = command_getopt(context, argc, argv, &status)) != -1) {
		if (c == '?')
			return status;
		if (c == 'r')
			ratchet = true;
		else
			origin = optarg;
	}
	if (ratchet && origin != NULL)
		return command_usage(context, "-n and -r make different keys");
	if (!command_operands(context, argc - optind, 1, 1))
		return FAULT_USAGE;
	if (origin != NULL && !note_is_name(slice_of(origin)))
		return command_usage(context, "\"%s\" is not an origin: want "
		    "letters, digits and ./-_: only, as mx1.example.org/audit",
		    origin);
	if ((ratchet || origin != NULL) && !make(argv[optind], origin, &fault))
		return command_fail(&fault);
	return print(argv[optind]);
}

const struct command command_audit_key = {
	"audit key", "FILE", "Print, or make, the key of checkpoints or of a ratchet",
	options, run,
	"tlspolicy-audit(5)"
};
