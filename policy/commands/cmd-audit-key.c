/* tlspolicy audit key: the key that signs checkpoints, and who verifies them. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <unistd.h>

#include "policy/audit/note.h"
#include "policy/commands/audit.h"

static const struct command_option options[] = {
	{ 'n', NULL, "ORIGIN", "make FILE, a new key of this name" },
	{ 0, NULL, NULL, NULL }
};

/* Nothing that is there is written over. */
static bool
make(const char *path, const char *origin, struct fault *fault)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW |
	    O_CLOEXEC, 0600);
	FILE *file = fd == -1 ? NULL : fdopen(fd, "w");
	bool good;

	if (file == NULL) {
		fault_errno(fault, FAULT_IO, errno, "cannot make %s", path);
		if (fd != -1)
			close(fd);
		return false;
	}
	good = note_make_key(origin, file, fault);
	if (good && fsync(fd) == -1)
		good = fault_errno(fault, FAULT_IO, errno, "%s", path);
	if (fclose(file) == EOF && good)
		good = fault_errno(fault, FAULT_IO, errno, "%s", path);
	if (!good)
		(void)unlink(path);
	return good;
}

static int
print(const char *path)
{
	char line[NOTE_VERIFIER_MAX];
	struct fault fault;
	struct note_signer *signer = note_signer_open(path, &fault);

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
	struct fault fault;
	int c, status;

	while ((c = command_getopt(context, argc, argv, &status)) != -1) {
		if (c != 'n')
			return status;
		origin = optarg;
	}
	if (!command_operands(context, argc - optind, 1, 1))
		return FAULT_USAGE;
	if (origin != NULL && !note_is_name(slice_of(origin)))
		return command_usage(context, "\"%s\" is not an origin: want "
		    "letters, digits and ./-_: only, as mx1.example.org/audit",
		    origin);
	if (origin != NULL && !make(argv[optind], origin, &fault))
		return command_fail(&fault);
	return print(argv[optind]);
}

const struct command command_audit_key = {
	"audit key", "FILE", "Print, or make, the key that signs checkpoints",
	options, run,
	"tlspolicy-audit(5)"
};
