/*
 * One session in the hands of a libmilter of this program's own, and of memory
 * whose n-th piece is refused: what was not kept is not accepted, and what is
 * odd in a macro comes out of the header field in quotes.
 */
#include <stdio.h>
#include <string.h>

#include "milter/session/session.h"
#include "milter/session/step.h"
#include "milter/socketmap/mapanswer.h"
#include "policy/store/rebuild.h"
#include "t/libmilter.h"
#include "t/unit.h"

static const char rules[] =
    "TLS_Clt:clear.example PERM+ENCR:112+BY:ticket_1\n"
    "TLS_To:long PERM+ENCR:0+BY:ticket_2\n"
    "TLS_To: PERM+ENCR:0+BY:ticket_3\n"
    "TLS_Srv:dest.test ENCR:1\n";

static long npieces, refused; /* the one that is refused; 0: none */
static bool onward;

static bool
has_memory(void)
{
	npieces++;
	return refused == 0 || (onward ? npieces < refused :
	    npieces != refused);
}

/* The program's own, by the linker's --wrap (Makefile.am). */
void *__real_malloc(size_t);
void *__wrap_malloc(size_t);
void *__real_calloc(size_t, size_t);
void *__wrap_calloc(size_t, size_t);

void *
__wrap_malloc(size_t n)
{
	return has_memory() ? __real_malloc(n) : NULL;
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return has_memory() ? __real_calloc(n, size) : NULL;
}

static int
start(void **none)
{
	static struct settings s;

	(void)none;
	settings_init(&s);
	s.add_header = 1;
	start_daemon(rules, &s);
	return 0;
}

static sfsistat
negotiate(SMFICTX *ctx)
{
	unsigned long actions = 0, steps = 0, two, three;

	return milter.xxfi_negotiate(ctx, SMFI_CURR_ACTS, SMFI_CURR_PROT, 0, 0,
	    &actions, &steps, &two, &three);
}

static sfsistat
mail(SMFICTX *ctx, const char *from)
{
	char sender[2048], *argv[] = { sender, NULL };

	snprintf(sender, sizeof sender, "%s", from);
	return milter.xxfi_envfrom(ctx, argv);
}

static sfsistat
rcpt(SMFICTX *ctx, const char *to)
{
	char address[2048], *argv[] = { address, NULL };

	snprintf(address, sizeof address, "%s", to);
	return milter.xxfi_envrcpt(ctx, argv);
}

/* A message with addresses so long that each needs a chunk of the arena. */
static sfsistat
large_message(SMFICTX *ctx, unsigned nrcpts, unsigned *accepted)
{
	static char address[1500];
	char helo[] = "client.example";
	sfsistat answer;

	memset(address, 'x', sizeof address - 1);
	memcpy(address + 1000, "@bar.test", 9);
	address[1009] = '\0';
	milter.xxfi_helo(ctx, helo);
	if ((answer = mail(ctx, address)) != SMFIS_CONTINUE)
		return answer;
	for (unsigned i = 0; i < nrcpts; i++) {
		address[0] = (char)('a' + i % 26);
		answer = rcpt(ctx, address);
		if (answer != SMFIS_CONTINUE)
			return answer;
		++*accepted;
	}
	return milter.xxfi_eom(ctx);
}

static uint64_t
counted(enum counter which)
{
	return atomic_load(&state_of_daemon.metrics.counter[which]);
}

/*
 * A message for which some memory was refused is answered "later", unless it
 * can do without that memory; the next message is judged as ever.
 */
static void
refuse_each(void)
{
	unsigned naccepted = 0, ntold = 0;
	const unsigned n = 40;

	for (int way = 0; way < 2; way++) {
		onward = way == 1;
		for (long i = 1;; i++) {
			static SMFICTX ctx;
			uint64_t records = counted(COUNTER_RECORDS);
			unsigned accepted = 0;
			sfsistat answer;
			bool hit;

			ctx = (SMFICTX){ .id = "Q1",
		    .node = "mx.example.org",
				.client = "good.example" };
			empty_pool();
			npieces = 0;
			refused = i;
			answer = negotiate(&ctx);
			if (answer == SMFIS_CONTINUE)
				answer = large_message(&ctx, n, &accepted);
			hit = npieces >= refused;
			refused = 0;
			if (answer == SMFIS_CONTINUE) {
				assert_int_equal(accepted, n);
				assert_true(counted(COUNTER_RECORDS) > records);
				naccepted++;
			} else {
				assert_true(answer == SMFIS_TEMPFAIL ||
				    answer == SMFIS_REJECT);
				if (answer == SMFIS_TEMPFAIL)
					assert_string_equal(ctx.reply, "451");
				else
					assert_null(ctx.session);
				ntold++;
			}
			assert_true(hit || answer == SMFIS_CONTINUE);
			milter.xxfi_close(&ctx);
			if (!hit)
				break;
		}
	}
	onward = false;
	assert_true(naccepted >= 2);
	assert_true(ntold > 20);
}

static void
test_memory(void **state)
{
	(void)state;
	refuse_each();
}

static void
make_plan(const char *path)
{
	const struct plan plan = { .id = 7 };
	const struct authorship by = { .now = 1, .plan = &plan };
	struct rulefile file;
	struct fault f;

	unit_read_rules(&file, "TLS_To:long PERM+ENCR:0\n"
	    "TLS_To: PERM+ENCR:1000+BY:ticket_4\n");
	assert_true(rebuild_store(path, &file, &by, 0, NULL, NULL, &f));
	rulefile_free(&file);
}

/*
 * The same beside a plan that would refuse each recipient: no answer is another
 * one, and each record says whether the plan judged it.
 */
static void
test_planned(void **state)
{
	struct daemon *d = &state_of_daemon;
	char path[PLAN_PATH_MAX];
	uint64_t records;

	(void)state;
	assert_true(plan_path(unit_path("p"), path));
	make_plan(path);
	store_holder_init(&d->plan, STORE_HOLDER_PLAN);
	store_holder_watch_plan(&d->plan, unit_path("p"));
	assert_true(store_holder_has_plan(&d->plan));
	records = counted(COUNTER_RECORDS) + counted(COUNTER_UNRECORDED);
	refuse_each();
	assert_int_equal(counted(COUNTER_RECORDS) +
	    counted(COUNTER_UNRECORDED) - records,
	    counted(COUNTER_PLAN_JUDGED) + counted(COUNTER_PLAN_UNJUDGED));
	assert_true(counted(COUNTER_PLAN_DIFFERS) >= 2);
	assert_true(counted(COUNTER_PLAN_UNJUDGED) > 0);
	assert_int_equal(counted(COUNTER_PLAN_ANSWERED), 0);
	store_holder_close(&d->plan);
}

/* More sessions with a message at once than the pool has places. */
static void
test_many_sessions(void **state)
{
	static SMFICTX ctx[POOL_PLACES + 8];

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(ctx); i++) {
		ctx[i] = (SMFICTX){ .id = "Q1",
		    .node = "mx.example.org",
			.client = "good.example" };
		assert_int_equal(mail(&ctx[i], "a@b.example"), SMFIS_CONTINUE);
	}
	for (size_t i = 0; i < UNIT_COUNT(ctx); i++) {
		assert_int_equal(rcpt(&ctx[i], "a@b.example"), SMFIS_CONTINUE);
		assert_int_equal(milter.xxfi_eom(&ctx[i]), SMFIS_CONTINUE);
		assert_int_equal(milter.xxfi_close(&ctx[i]), SMFIS_CONTINUE);
	}
}

static char long_word[1200];

static const char *
field_of(const char *node, const char *cipher)
{
	static SMFICTX ctx;

	ctx = (SMFICTX){ .id = "Q1", .node = node, .client = "good.example",
		.cipher = cipher, .resolved = "<resolved@bar.test>" };
	assert_int_equal(negotiate(&ctx), SMFIS_CONTINUE);
	assert_int_equal(mail(&ctx, "<a@b.example"), SMFIS_CONTINUE);
	assert_int_equal(rcpt(&ctx, "<b@bar.test"), SMFIS_CONTINUE);
	assert_int_equal(rcpt(&ctx, ""), SMFIS_CONTINUE);
	assert_int_equal(rcpt(&ctx, "x"), SMFIS_CONTINUE);
	assert_int_equal(milter.xxfi_eom(&ctx), SMFIS_CONTINUE);
	milter.xxfi_close(&ctx);
	return ctx.field;
}

static void
field_has(const char *node, const char *cipher, const char *want)
{
	const char *field = field_of(node, cipher);

	if (strstr(field, want) == NULL)
		unit_same(want, want, field);
}

static void
test_header(void **state)
{
	char want[600];

	(void)state;
	field_has("mx.example.org", NULL, "mx.example.org; verdict=accept");
	field_has("mx.example.org", NULL, ";\n\ttls=none");
	/* A host name that is no name stands in quotes in the field. */
	field_has("{mx}", NULL, "\"{mx}\"; verdict=accept");
	field_has("mx; verdict=hold", NULL,
	    "\"mx; verdict=hold\"; verdict=accept");
	field_has("m\"x\\", NULL, "\"m\\\"x\\\\\"; verdict=accept");
	field_has("mx", "AES128", "; cipher=AES128;\n\tverify=");
	field_has("mx", "A{1", "; cipher=\"A{1\";");
	field_has("mx", "~", "; cipher=\"~\";");
	field_has("mx", "_:", "; cipher=\"_:\";");
	/* Long words are cut, in quotes or not. */
	memset(long_word, 'w', sizeof long_word - 1);
	snprintf(want, sizeof want, "\tversion=TLSv1.3; cipher=%.400s;",
	    long_word);
	field_has("mx", long_word, want);
	long_word[0] = ';';
	snprintf(want, sizeof want, "; cipher=\"%.400s\";", long_word);
	field_has("mx", long_word, want);
	unit_end();
}

/* A reply that does not fit its verdict leaves as "later", never as "no". */
static void
test_reply(void **state)
{
	static struct verdict v;
	SMFICTX ctx = { .id = "Q1" };

	(void)state;
	verdict_init(&v);
	v.reply.code = v.reply.dsn = "";
	v.kind = VERDICT_REJECT;
	assert_int_equal(step_answer(&ctx, &v), SMFIS_TEMPFAIL);
	v.reply.nlines = 1;
	v.reply.lines[0] = slice_of("no");
	v.reply.code = "451";
	assert_int_equal(step_answer(&ctx, &v), SMFIS_TEMPFAIL);
	assert_string_equal(ctx.reply, "");
	v.kind = VERDICT_TEMPFAIL;
	assert_int_equal(step_answer(&ctx, &v), SMFIS_TEMPFAIL);
	assert_string_equal(ctx.reply, "451");
	v.reply.code = "550";
	ctx.reply[0] = '\0';
	assert_int_equal(step_answer(&ctx, &v), SMFIS_TEMPFAIL);
	assert_string_equal(ctx.reply, "");
	v.kind = VERDICT_REJECT;
	assert_int_equal(step_answer(&ctx, &v), SMFIS_REJECT);
	/* A HOLD without a text is still a HOLD. */
	assert_true(step_hold(&ctx, &v));
	assert_string_equal(ctx.held, "no");
	v.reply.nlines = 0;
	assert_true(step_hold(&ctx, &v));
	assert_string_equal(ctx.held, "held by TLS policy");
}

static const char *
asked(const char *request)
{
	static char buf[MAPANSWER_MAX];
	struct text answer;

	text_init(&answer, buf, sizeof buf);
	mapanswer(&state_of_daemon, slice_of(request), NULL, &answer);
	return answer.buf;
}

/*
 * Without memory a question to the socketmap gets no answer, or one that says
 * that it cannot be recorded.
 */
static void
test_map(void **state)
{
	static const char *const rows[][2] = {
		{ "tlspolicy dest.test", "OK encrypt" },
		{ "tlspolicy other.test", "NOTFOUND " },
		{ "nomap x", "PERM there is no such map" },
		{ "", "PERM there is no such map" },
		{ "access tlspolicy:alive", "OK ALIVE" },
	};

	(void)state;
	log_set_level(LOG_LEVEL_DEBUG);
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		char got[64];

		snprintf(got, sizeof got, "%.*s", (int)strlen(rows[i][1]),
		    asked(rows[i][0]));
		unit_same(rows[i][0], rows[i][1], got);
	}
	log_set_level(LOG_LEVEL_ERROR);
	for (long i = 1; i < 50; i++) {
		const char *got;

		npieces = 0;
		refused = i;
		got = asked(rows[0][0]);
		refused = 0;
		if (npieces < i) {
			assert_memory_equal(got, "OK encrypt", 10);
			break;
		}
		if (got[0] != '\0')
			assert_memory_equal(got, "TEMP ", 5);
		assert_memory_equal(asked(rows[0][0]), "OK encrypt", 10);
	}
	unit_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_planned),
		cmocka_unit_test(test_many_sessions),
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_reply),
		cmocka_unit_test(test_map),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return unit_leave(cmocka_run_group_tests(tests, start, stop_daemon));
}
