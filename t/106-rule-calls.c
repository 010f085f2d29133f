/*
 * Rules read while each call on the way fails, from memory, from a file and from a
 * folder, few and so many that threads share them: they are all of those that
 * stand there, or it is told that they could not be read.  A rule that is left out
 * in silence would be one that nobody enforces.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/facts/fromfield.h"
#include "policy/lint/lint.h"
#include "t/nth.h"
#include "t/unit.h"

enum { MANY = 34000, LINE = 64 };

static const char few[] = "Profile:p\tPERM+VERIFY\n"
	"TLS_Clt:a.example\tAS:p\n"
	"b.example\tTEMP+ENCR:112\n"
	"TLS_From:c@d.example\tPERM+VERIFY+CIPHER:ECDHE+AESGCM\n"
	"TLS_Clt:[192.0.2.0/24]\tENCR:1+UNTIL:2040-01-01\n"
	"TLS_Clt:[192.0.2.0/24]\tOK\n"
	"TLS_To:e.example\tVERIFY+CITag:bank\n"
	"bank:/CN=x\tOK\n";
static char many[MANY * LINE];
static char *folder;

struct source {
	const char *name;
	bool (*read)(struct rulefile *, struct fault *);
};

static bool
read_few(struct rulefile *file, struct fault *fault)
{
	return rulefile_read_text(file, slice_of(few), "few", fault);
}

static bool
read_many(struct rulefile *file, struct fault *fault)
{
	return rulefile_read_text(file, slice_of(many), "many", fault);
}

static bool
read_file(struct rulefile *file, struct fault *fault)
{
	char path[300];

	snprintf(path, sizeof path, "%s/one.rules", folder);
	return rulefile_read(file, path, fault);
}

static bool
read_folder(struct rulefile *file, struct fault *fault)
{
	return rulefile_read(file, folder, fault);
}

static const struct source sources[] = {
	{ "few", read_few }, { "file", read_file },
	{ "folder", read_folder }, { "many", read_many },
};

static void
report(void *arg, const struct fault *fault)
{
	(void)arg;
	(void)fault;
}

/* How many rules were read, and a digest of them; "failed". */
static const char *
read_rules(const struct source *s)
{
	static char memory[100];
	struct rulefile file;
	struct fault fault;
	uint64_t sum = 0;
	bool good;

	fault_clear(&fault);
	rulefile_init(&file, report, NULL);
	file.warn = report;
	file.as_sendmail = true;
	good = s->read(&file, &fault) && rulefile_finish(&file);
	for (size_t i = 0; good && i < file.n; i++) {
		struct requirement r;

		sum = sum * 31 + slice_hash(rule_key(&file.rules[i])) +
		    slice_hash(rule_requirement(&file.rules[i]));
		if (file.n < 100 && !rulefile_requirement(&file,
		    &file.rules[i], &r, &fault))
			good = false;
	}
	snprintf(memory, sizeof memory, good ? "%zu rules, %llx" : "failed",
	    file.n, (unsigned long long)sum);
	if (!good && file.bad_lines == 0 && fault.text[0] == '\0')
		snprintf(memory, sizeof memory, "failed without a word");
	rulefile_free(&file);
	return memory;
}

static bool
try(const struct source *s, const char *want, const char *call, long n,
    bool onward, int error)
{
	const char *got;
	char row[100];
	bool hit;

	nth_arm(call, n, onward ? LONG_MAX : n, error);
	got = read_rules(s);
	hit = nth_disarm() >= n;
	snprintf(row, sizeof row, "%s: %ld%s, %s", s->name, n, onward ?
	    " and on" : "", nth_failed());
	if (strcmp(got, "failed") != 0)
		unit_same(row, want, got);
	return hit;
}

static void
test_calls(void **state)
{
	static const int errors[] = { ENOMEM, EIO, EINTR };

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(sources); i++) {
		bool big = sources[i].read == read_many;
		char want[100];

		snprintf(want, sizeof want, "%s", read_rules(&sources[i]));
		assert_null(strstr(want, "failed"));
		for (int onward = 0; onward < 2; onward++) {
			long n = 1;

			/*
			 * EINTR from every call on never ends: it is not tried.
			 */
			while (try(&sources[i], want, NULL, n, onward != 0,
			    errors[n % (onward ? 2 : 3)]))
				/*
				 * In the big file calls repeat for each line,
				 * so n grows faster.
				 */
				n += big ? 1 + n / 2 : 1;
			assert_in_range(n, 3, 1000000);
		}
	}
	unit_end();
}

/* When pthread_create() fails the calling thread reads all lines. */
static void
test_threads(void **state)
{
	const struct source *s = &sources[UNIT_COUNT(sources) - 1];
	char want[100];

	(void)state;
	snprintf(want, sizeof want, "%s", read_rules(s));
	nth_arm("pthread_create", 1, LONG_MAX, EAGAIN);
	unit_same("no thread", want, read_rules(s));
	(void)nth_disarm();
	nth_arm("pthread_create", 2, LONG_MAX, EAGAIN);
	unit_same("one", want, read_rules(s));
	(void)nth_disarm();
	nth_arm("sched_getaffinity", 1, LONG_MAX, EINVAL);
	unit_same("nobody knows how many", want, read_rules(s));
	(void)nth_disarm();
	unit_end();
}

/* A From field that there was no memory for is not one without a mailbox. */
static void
test_from(void **state)
{
	static const char field[] = "Joe <a@b.test>, c@d.test";
	long n = 1;

	(void)state;
	for (;; n++) {
		struct facts facts;
		bool good;

		facts_init(&facts, DIALECT_POSTFIX);
		nth_arm("memory", n, LONG_MAX, ENOMEM);
		good = fromfield_put(&facts, slice_of(field));
		if (nth_disarm() < n) {
			facts_free(&facts);
			break;
		}
		if (good)
			unit_slice("mailboxes", "a@b.test\nc@d.test\n",
			    facts_value(&facts, FACT_HEADER_FROM));
		facts_free(&facts);
	}
	assert_in_range(n, 2, 20);
	unit_end();
}

static void
put(const char *name, const char *text)
{
	char path[300];
	FILE *file;

	snprintf(path, sizeof path, "%s/%s", folder, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static int
set_up(void **state)
{
	char *at = many;

	(void)state;
	for (int i = 0; i < MANY; i++)
		at += sprintf(at, "TLS_Clt:h%d.example\tVERIFY:128+CN:h%d\n", i,
		    i);
	folder = strdup(unit_path("rules.d"));
	if (folder == NULL || mkdir(folder, 0755) == -1)
		return -1;
	put("one.rules", few);
	put("two.rules", "TLS_Srv:f.example\tVERIFY\n");
	put("three", "TLS_Clt:x.example\tOK\n"); /* told, and passed over */
	put("README", "of people\n");
	return 0;
}

static int
tear_down(void **state)
{
	static const char *const names[] = { "one.rules", "two.rules",
		"three", "README" };
	char path[300];

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(names); i++) {
		snprintf(path, sizeof path, "%s/%s", folder, names[i]);
		(void)unlink(path);
	}
	(void)rmdir(folder);
	free(folder);
	return 0;
}

/* OpenSSL, as the library asks it; its calls from the n-th on fail. */
static int no_openssl;
static bool openssl_failed;

SSL_CTX *
SSL_CTX_new(const SSL_METHOD *method)
{
	static SSL_CTX *(*real)(const SSL_METHOD *);

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "SSL_CTX_new");
	if (no_openssl == 1) {
		openssl_failed = true;
		return NULL;
	}
	no_openssl -= no_openssl > 0;
	return real(method);
}

static void
count_finding(void *arg, const struct lint_finding *f)
{
	(void)f;
	++*(size_t *)arg;
}

/* A finding for which OpenSSL could not be asked is not "there is none". */
static void
test_lint(void **state)
{
	static const char lists[] =
	    "TLS_Clt:a.example\tPERM+ENCR:1+CIPHER:HIGH:AESGCN\n"
	    "TLS_Clt:b.example\tPERM+ENCR:1+CIPHER:ECDHE+AESGCM\n"
	    "TLS_Clt:c.example\tPERM+ENCR:1+CIPHER:ECDHE++VER:1.2++AEAD\n";
	const struct lint_options options = { .today = 20000 };
	size_t all = 0, found, told;
	struct rulefile file;
	struct fault fault;

	(void)state;
	rulefile_init(&file, report, NULL);
	assert_true(rulefile_read_text(&file, slice_of(lists), "lists",
	    &fault) && rulefile_finish(&file));
	assert_int_equal(lint_rules(&file, &options, count_finding, &all), 3);
	for (int n = 1; n < 12; n++) {
		told = 0;
		no_openssl = n;
		openssl_failed = false;
		found = lint_rules(&file, &options, count_finding, &told);
		unit_number("all are told, or that they are not", true,
		    found == (openssl_failed ? LINT_NO_MEMORY : all));
	}
	no_openssl = 0;
	rulefile_free(&file);
	unit_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_from),
		cmocka_unit_test(test_lint),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return unit_leave(cmocka_run_group_tests(tests, set_up, tear_down));
}
