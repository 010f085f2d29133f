/*
 * Eight threads judge while another process rebuilds by turns: each verdict
 * must be the one that its generation's policy gives.
 */
#include <sys/wait.h>

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "policy/store/rebuild.h"
#include "t/unit.h"

enum { JUDGES = 8, SECONDS = 2 };

/* Odd generations refuse for good, even ones for the time being. */
static const char *const policies[2] = {
	"TLS_Clt:client.example TEMP+ENCR:2+CIPHER:HIGH\n"
	"TLS_From:sender.example TEMP+VERIFY+CN\nTLS_Clt:a OK\n",
	"TLS_Clt:client.example PERM+ENCR:2+CIPHER:HIGH\n"
	"TLS_From:sender.example PERM+VERIFY+CN\nTLS_From:b OK\n",
};

static pid_t
start_writer(const char *path)
{
	pid_t parent = getpid(), pid = fork();
	struct rulefile files[2];
	struct fault fault;

	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	unit_read_rules(&files[0], policies[0]);
	unit_read_rules(&files[1], policies[1]);
	/* Generation 1 is there: the next one is even. */
	for (int64_t n = 2; getppid() == parent; n++)
		if (!rebuild_store(path, &files[n % 2],
		    &(struct authorship){ .now = n }, REBUILD_SCRATCH, NULL,
		    NULL, &fault))
			_exit(1);
	_exit(0);
}

struct judge {
	struct store *store;
	time_t end;
	unsigned long judged, wrong, failed, changes;
};

static bool
is_right(const struct verdict *v)
{
	bool odd = v->generation % 2 != 0;
	const char *code = odd ? "550" : "451";
	const char *word = odd ? "PERM" : "TEMP";

	if (v->kind != (odd ? VERDICT_REJECT : VERDICT_TEMPFAIL) ||
	    strcmp(v->reply.code, code) != 0 || v->nresults != 2)
		return false;
	for (unsigned i = 0; i < 2; i++)
		if (!slice_equal(slice_make(v->results[i].requirement.p, 4),
		    slice_of(word)) || v->results[i].line != i + 1)
			return false;
	return v->reply.nlines == 2;
}

static void *
keep_judging(void *arg)
{
	struct judge *j = arg;
	struct verdict verdict;
	struct facts facts;
	uint64_t last = 0;

	unit_facts(&facts, "client_name=client.example "
	    "mail_addr=a@sender.example");
	while (time(NULL) < j->end) {
		struct store_reader reader;
		struct fault fault;

		if (!store_begin(j->store, &reader, &fault)) {
			j->failed++;
			continue;
		}
		unit_judge_into(&reader, &facts, TAG_CLT, "mail", 0, NULL,
		    &verdict);
		store_end(&reader);
		j->wrong += !is_right(&verdict);
		j->changes += verdict.generation != last;
		last = verdict.generation;
		j->judged++;
	}
	facts_free(&facts);
	return NULL;
}

static void
test_no_mixture(void **state)
{
	const char *path = unit_build("threads", policies[1], 1);
	unsigned long judged = 0, changes = 0;
	struct judge judges[JUDGES];
	pthread_t threads[JUDGES];
	pid_t writer = start_writer(path);
	struct fault fault;
	struct store *store = store_open(path, &fault);

	(void)state;
	assert_non_null(store);
	for (int i = 0; i < JUDGES; i++) {
		judges[i] = (struct judge){ .store = store,
			.end = time(NULL) + SECONDS };
		pthread_create(&threads[i], NULL, keep_judging, &judges[i]);
	}
	for (int i = 0; i < JUDGES; i++) {
		pthread_join(threads[i], NULL);
		unit_number("wrong", 0, (long)judges[i].wrong);
		unit_number("failed", 0, (long)judges[i].failed);
		judged += judges[i].judged;
		changes += judges[i].changes;
	}
	kill(writer, SIGKILL);
	waitpid(writer, NULL, 0);
	store_close(store);
	print_message("# %lu verdicts, %lu changes of generation\n", judged,
	    changes);
	assert_true(judged > 1000 && changes > 20);
	unit_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_mixture),
	};

	return unit_main(tests);
}
