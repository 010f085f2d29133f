/*
 * The daemon's callbacks in the hands of a libmilter of this program's own,
 * whose n-th call fails: nothing is accepted that was not done and recorded,
 * nothing is refused for good.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "milter/session/judge.h"
#include "milter/session/session.h"
#include "milter/socketmap/mapanswer.h"
#include "policy/store/rebuild.h"
#include "t/libmilter.h"
#include "t/unit.h"

static const char rules[] =
    "TLS_Clt:clear.example PERM+ENCR:112\n"
    "TLS_To:hold@bar.test HOLD+VERIFY:128\n"
    "TLS_To:perm@bar.test PERM+VERIFY:128\n"
    "TLS_Header:perm.example PERM+VERIFY:128\n";

static char log_path[512];
static bool no_memory;	    /* for what strdup(3) copies */
static int nsession;

/* The plan is over when its store is asked, by the linker's --wrap (Makefile.am). */
static bool ends_when_asked;
bool __real_store_holder_begin(struct store_holder *, unsigned *,
    struct store_reader *, struct fault *);
bool __wrap_store_holder_begin(struct store_holder *, unsigned *,
    struct store_reader *, struct fault *);

bool
__wrap_store_holder_begin(struct store_holder *h, unsigned *tries,
    struct store_reader *reader, struct fault *why)
{
	if (ends_when_asked && h == &state_of_daemon.plan)
		store_holder_close(&state_of_daemon.plan);
	return __real_store_holder_begin(h, tries, reader, why);
}

/* libc's, but with a limit. */
char *
strdup(const char *s)
{
	size_t n = strlen(s) + 1;
	char *copy = no_memory ? NULL : malloc(n);

	return copy == NULL ? NULL : memcpy(copy, s, n);
}

static int
start(void **none)
{
	static struct settings s;

	(void)none;
	settings_init(&s);
	s.add_header = 1;
	s.header_from = HEADER_FROM_JUDGE;
	start_daemon(rules, &s);
	snprintf(log_path, sizeof log_path, "%s", s.audit_file);
	return 0;
}

static void
begin(SMFICTX *ctx, const char *client, int fails)
{
	static char id[16];

	snprintf(id, sizeof id, "Q%d", ++nsession);
	*ctx = (SMFICTX){ .client = client, .id = id,
	    .node = "mx.example.org" };
	ncalls = 0;
	failing = fails;
}

static sfsistat
negotiate_as(SMFICTX *ctx, unsigned long offered)
{
	unsigned long actions = 0, steps = 0, two, three;

	return milter.xxfi_negotiate(ctx, offered, SMFI_CURR_PROT, 0, 0,
	    &actions, &steps, &two, &three);
}

static sfsistat
mail(SMFICTX *ctx)
{
	char sender[] = "<a@good.example>", *argv[] = { sender, NULL };
	char helo[] = "client.example";

	assert_int_equal(milter.xxfi_helo(ctx, helo), SMFIS_NOREPLY);
	return milter.xxfi_envfrom(ctx, argv);
}

static sfsistat
rcpt(SMFICTX *ctx, const char *to)
{
	char address[64], *argv[] = { address, NULL };

	snprintf(address, sizeof address, "<%s>", to);
	return milter.xxfi_envrcpt(ctx, argv);
}

/* The answer to the end of a header with this From field. */
static sfsistat
header(SMFICTX *ctx, const char *from)
{
	char name[] = "From", value[64];

	snprintf(value, sizeof value, "%s", from);
	assert_int_equal(milter.xxfi_header(ctx, name, value), SMFIS_NOREPLY);
	return milter.xxfi_eoh(ctx);
}

/* The answer to the end of a message that is held, or to what came before. */
static sfsistat
held_message(SMFICTX *ctx)
{
	char name[] = "tlspolicy-result", value[] = "forged";
	sfsistat answer = mail(ctx);

	if (answer != SMFIS_CONTINUE)
		return answer;
	answer = rcpt(ctx, "hold@bar.test");
	if (answer != SMFIS_CONTINUE)
		return answer;
	assert_int_equal(milter.xxfi_data(ctx), SMFIS_CONTINUE);
	assert_int_equal(milter.xxfi_header(ctx, name, value), SMFIS_NOREPLY);
	answer = header(ctx, "x@y.example");
	return answer == SMFIS_CONTINUE ? milter.xxfi_eom(ctx) : answer;
}

static bool
is_recorded(const char *id, const char *event)
{
	char want[64], word[64], line[16384];
	FILE *file = fopen(log_path, "r");
	bool found = false;

	assert_non_null(file);
	snprintf(want, sizeof want, "\"queue_id\":\"%s\"", id);
	snprintf(word, sizeof word, "\"event\":\"%s\"", event);
	while (fgets(line, sizeof line, file) != NULL)
		found = found || (strstr(line, want) != NULL &&
		    strstr(line, word) != NULL);
	fclose(file);
	return found;
}

/* Waits for a record: the answer to a refusal does not wait for it. */
static bool
comes_to_be_recorded(const char *id, const char *event)
{
	for (int i = 0; i < 6000 && !is_recorded(id, event); i++)
		nanosleep(&(struct timespec){ 0, 10000000 }, NULL);
	return is_recorded(id, event);
}

static void
check_accepted(const SMFICTX *ctx)
{
	assert_string_not_equal(ctx->held, "");
	assert_true(ctx->cleaned);
	assert_true(is_recorded(ctx->id, "message"));
	/*
	 * Without a session at its negotiation the connection may not add a
	 * field.
	 */
	assert_true(ctx->added);
}

static void
test_nth_call(void **state)
{
	int n, accepted = 0;

	(void)state;
	for (n = 1; n < 100; n++) {
		sfsistat answer;
		SMFICTX ctx;

		begin(&ctx, "good.example", n);
		answer = negotiate_as(&ctx, SMFI_CURR_ACTS);
		if (answer == SMFIS_CONTINUE) {
			answer = held_message(&ctx);
			if (answer == SMFIS_CONTINUE) {
				check_accepted(&ctx);
				accepted++;
			} else {
				assert_int_equal(answer, SMFIS_TEMPFAIL);
				assert_false(is_recorded(ctx.id, "message"));
			}
		} else {
			assert_int_equal(answer, SMFIS_REJECT);
		}
		assert_int_equal(milter.xxfi_close(&ctx), SMFIS_CONTINUE);
		assert_null(ctx.session);
		if (ncalls < n)
			break;
	}
	/* One session, seven stages, hold, two header fields. */
	assert_int_equal(n, 12);
	assert_int_equal(accepted, 1);
}

/* When smfi_setreply(3) fails the answer is a temporary one. */
static void
test_reply_fails(void **state)
{
	SMFICTX ctx;

	(void)state;
	begin(&ctx, "clear.example", 0);
	assert_int_equal(negotiate_as(&ctx, SMFI_CURR_ACTS), SMFIS_CONTINUE);
	assert_int_equal(mail(&ctx), SMFIS_REJECT);
	assert_int_equal(ctx.reply[0], '5');
	failing = ncalls + 1;
	assert_int_equal(mail(&ctx), SMFIS_TEMPFAIL);
	milter.xxfi_close(&ctx);
	begin(&ctx, "good.example", 0);
	assert_int_equal(mail(&ctx), SMFIS_CONTINUE);
	assert_int_equal(rcpt(&ctx, "perm@bar.test"), SMFIS_REJECT);
	failing = ncalls + 1;
	assert_int_equal(rcpt(&ctx, "perm@bar.test"), SMFIS_TEMPFAIL);
	milter.xxfi_close(&ctx);
}

/* Refused by its From field, the message is not accepted at its end either. */
static void
test_header(void **state)
{
	SMFICTX ctx;

	(void)state;
	for (int fails = 0; fails < 2; fails++) {
		begin(&ctx, "good.example", 0);
		assert_int_equal(negotiate_as(&ctx, SMFI_CURR_ACTS),
		    SMFIS_CONTINUE);
		assert_int_equal(mail(&ctx), SMFIS_CONTINUE);
		assert_int_equal(rcpt(&ctx, "hold@bar.test"), SMFIS_CONTINUE);
		failing = fails ? ncalls + 1 : 0;
		assert_int_equal(header(&ctx, "x@perm.example"), fails ?
		    SMFIS_TEMPFAIL : SMFIS_REJECT);
		assert_true(comes_to_be_recorded(ctx.id, "refused-header"));
		assert_int_equal(milter.xxfi_eom(&ctx), SMFIS_TEMPFAIL);
		assert_false(is_recorded(ctx.id, "message"));
		assert_string_equal(ctx.held, "");
		milter.xxfi_close(&ctx);
	}
}

/*
 * A connection negotiated without header steps: its From fields are not known.
 */
static void
test_unseen_header(void **state)
{
	SMFICTX ctx;

	(void)state;
	begin(&ctx, "good.example", 0);
	assert_int_equal(mail(&ctx), SMFIS_CONTINUE);
	assert_int_equal(rcpt(&ctx, "ok@bar.test"), SMFIS_CONTINUE);
	assert_int_equal(header(&ctx, "x@y.example"), SMFIS_TEMPFAIL);
	assert_string_equal(ctx.reply, "451");
	milter.xxfi_close(&ctx);
	begin(&ctx, "good.example", 0);
	assert_int_equal(mail(&ctx), SMFIS_CONTINUE);
	assert_int_equal(rcpt(&ctx, "ok@bar.test"), SMFIS_CONTINUE);
	assert_int_equal(milter.xxfi_eom(&ctx), SMFIS_TEMPFAIL);
	assert_true(comes_to_be_recorded(ctx.id, "refused-header"));
	assert_false(is_recorded(ctx.id, "message"));
	milter.xxfi_close(&ctx);
}

static void
test_old_mta(void **state)
{
	SMFICTX ctx;

	(void)state;
	begin(&ctx, "good.example", 0);
	assert_int_equal(negotiate_as(&ctx,
	    SMFI_CURR_ACTS & ~(unsigned long)SMFIF_SETSYMLIST), SMFIS_REJECT);
	milter.xxfi_close(&ctx);
}

/* Without a judged MAIL no later command is accepted. */
static void
test_out_of_order(void **state)
{
	char name[] = "Subject", value[] = "x";
	SMFICTX ctx;

	(void)state;
	begin(&ctx, "good.example", 0);
	assert_int_equal(rcpt(&ctx, "ok@bar.test"), SMFIS_TEMPFAIL);
	assert_string_equal(ctx.reply, "451");
	assert_int_equal(milter.xxfi_header(&ctx, name, value), SMFIS_NOREPLY);
	assert_int_equal(milter.xxfi_eom(&ctx), SMFIS_TEMPFAIL);
	assert_int_equal(milter.xxfi_abort(&ctx), SMFIS_CONTINUE);
	/* The temporary answer stays one when its text cannot be set. */
	failing = ncalls + 1;
	assert_int_equal(milter.xxfi_eom(&ctx), SMFIS_TEMPFAIL);
	milter.xxfi_close(&ctx);
	/* xxfi_close() without a session. */
	assert_int_equal(milter.xxfi_close(&ctx), SMFIS_CONTINUE);
}

static void
test_abandoned(void **state)
{
	SMFICTX ctx;

	(void)state;
	begin(&ctx, "good.example", 0);
	assert_int_equal(mail(&ctx), SMFIS_CONTINUE);
	assert_int_equal(rcpt(&ctx, "ok@bar.test"), SMFIS_CONTINUE);
	assert_int_equal(milter.xxfi_abort(&ctx), SMFIS_CONTINUE);
	assert_int_equal(milter.xxfi_close(&ctx), SMFIS_CONTINUE);
	assert_true(comes_to_be_recorded(ctx.id, "aborted"));
	assert_false(is_recorded(ctx.id, "message"));
}

/*
 * When a HELO could not be kept, MAIL is answered "later", as the name is not
 * known.
 */
static void
test_lost_helo(void **state)
{
	SMFICTX ctx;

	(void)state;
	begin(&ctx, "good.example", 0);
	no_memory = true;
	assert_int_equal(mail(&ctx), SMFIS_TEMPFAIL);
	assert_string_equal(ctx.reply, "451");
	no_memory = false;
	assert_int_equal(mail(&ctx), SMFIS_CONTINUE);
	milter.xxfi_close(&ctx);
	/* So it is when there was no memory for the session. */
	begin(&ctx, "good.example", 1);
	assert_int_equal(mail(&ctx), SMFIS_TEMPFAIL);
	assert_int_equal(milter.xxfi_close(&ctx), SMFIS_CONTINUE);
	begin(&ctx, "good.example", 1);
	assert_int_equal(mail(&ctx), SMFIS_TEMPFAIL);
	assert_int_equal(mail(&ctx), SMFIS_CONTINUE);
	assert_int_equal(milter.xxfi_close(&ctx), SMFIS_CONTINUE);
	assert_null(ctx.session);
}

static size_t
asked(const char *request)
{
	static char buf[MAPANSWER_MAX];
	struct text answer;

	text_init(&answer, buf, sizeof buf);
	mapanswer(&state_of_daemon, slice_of(request), NULL, &answer);
	return answer.n;
}

/* The line of the audit log with this queue id; "" for none. */
static const char *
record_of(const char *id)
{
	static char line[16384];
	char want[64];
	FILE *file = fopen(log_path, "r");

	assert_non_null(file);
	snprintf(want, sizeof want, "\"queue_id\":\"%s\"", id);
	while (fgets(line, sizeof line, file) != NULL)
		if (strstr(line, want) != NULL) {
			fclose(file);
			return line;
		}
	fclose(file);
	return "";
}

/* A plan without rules, whose canary is `percent` of the clients. */
static void
begin_plan(uint32_t percent)
{
	struct plan plan = { .id = 0x1122334455667788, .started = 1,
		.days = 1, .canary = percent };
	const struct authorship by = { .now = 1, .plan = &plan,
		.login = slice_of("alice") };
	struct daemon *d = &state_of_daemon;
	char path[PLAN_PATH_MAX];
	struct rulefile file;
	struct fault fault;
	bool changed;

	assert_true(plan_path(unit_path("p"), path));
	unit_read_rules(&file, "TLS_Clt:clear.example OK\n");
	assert_true(rebuild_store(path, &file, &by, 0, NULL, &changed, &fault));
	rulefile_free(&file);
	store_holder_init(&d->plan, STORE_HOLDER_PLAN);
	store_holder_watch_plan(&d->plan, unit_path("p"));
	assert_true(store_holder_has_plan(&d->plan));
}

static void
end_plan(void)
{
	char path[PLAN_PATH_MAX];
	struct fault fault;

	store_holder_close(&state_of_daemon.plan);
	assert_true(plan_path(unit_path("p"), path));
	assert_true(plan_remove(path, &fault));
	ends_when_asked = false;
}

/*
 * Goes on with a message behind its MAIL; returns what its record says of a
 * plan.
 */
static const char *
said_of_plan(SMFICTX *ctx)
{
	const char *line;

	assert_int_equal(rcpt(ctx, "ok@bar.test"), SMFIS_CONTINUE);
	assert_int_equal(header(ctx, "x@y.example"), SMFIS_CONTINUE);
	assert_int_equal(milter.xxfi_eom(ctx), SMFIS_CONTINUE);
	line = strstr(record_of(ctx->id), "\"plan\":{");
	milter.xxfi_close(ctx);
	return line == NULL ? "none" : line;
}

static void
assert_plan(const char *got, const char *want)
{
	char all[128];

	snprintf(all, sizeof all, "\"plan\":{\"id\":\"1122334455667788\","
	    "\"result\":%s", want);
	if (strncmp(got, all, strlen(all)) != 0)
		fail_msg("want: %s\ngot:  %s", all, got);
}

/*
 * A plan that has ended when it is asked leaves nothing in the record; one that
 * cannot be asked does.
 */
static void
test_plan_ends(void **state)
{
	enum { WHILE_ASKED, AGAIN, BEFORE_RCPT, NOWHERE };
	SMFICTX ctx;

	(void)state;
	for (int when = WHILE_ASKED; when <= NOWHERE; when++) {
		for (uint32_t percent = 0; percent <= 100; percent += 100) {
			const char *said;

			begin_plan(percent);
			begin(&ctx, "good.example", 0);
			assert_int_equal(negotiate_as(&ctx, SMFI_CURR_ACTS),
			    SMFIS_CONTINUE);
			ends_when_asked = when == WHILE_ASKED;
			assert_int_equal(mail(&ctx), SMFIS_CONTINUE);
			ends_when_asked = when == AGAIN;
			/*
			 * MAIL is judged again, as at RCPT when facts have come
			 * meanwhile.
			 */
			if (when == AGAIN)
				judge_mail_late(ctx.session);
			if (when == BEFORE_RCPT)
				store_holder_close(&state_of_daemon.plan);
			said = said_of_plan(&ctx);
			end_plan();
			if (when <= AGAIN)
				assert_string_equal(said, "none");
			else if (when == BEFORE_RCPT)
				assert_plan(said, percent == 0 ?
				    "\"not-judged\"}" :
				    "\"not-judged\",\"answered\":true}");
			else
				assert_plan(said, percent == 0 ? "\"same\"}" :
				    "\"same\",\"answered\":true}");
		}
	}
}

/* After the plan's end the policy in force alone refuses a recipient. */
static void
test_refused_after_a_plan(void **state)
{
	SMFICTX ctx;

	(void)state;
	begin_plan(100);
	begin(&ctx, "good.example", 0);
	assert_int_equal(mail(&ctx), SMFIS_CONTINUE);
	store_holder_close(&state_of_daemon.plan);
	assert_int_equal(rcpt(&ctx, "perm@bar.test"), SMFIS_REJECT);
	assert_true(comes_to_be_recorded(ctx.id, "refused-rcpt"));
	assert_plan(strstr(record_of(ctx.id), "\"plan\":{"),
	    "\"not-judged\"}");
	milter.xxfi_close(&ctx);
	end_plan();
}

/* This test runs last: the drain stays closed. */
static void
test_stopping(void **state)
{
	char helo[] = "client.example";
	SMFICTX ctx;

	(void)state;
	begin(&ctx, "good.example", 0);
	assert_int_equal(mail(&ctx), SMFIS_CONTINUE);
	assert_int_equal(asked("tlspolicy dest.test"), strlen("NOTFOUND "));
	assert_true(drain_close(&state_of_daemon.drain, 0));
	/* Nothing is answered: the audit log may be closed already. */
	assert_int_equal(asked("tlspolicy dest.test"), 0);
	assert_int_equal(rcpt(&ctx, "ok@bar.test"), SMFIS_TEMPFAIL);
	assert_int_equal(milter.xxfi_helo(&ctx, helo), SMFIS_NOREPLY);
	assert_int_equal(milter.xxfi_eom(&ctx), SMFIS_TEMPFAIL);
	assert_int_equal(negotiate_as(&ctx, SMFI_CURR_ACTS), SMFIS_REJECT);
	session_free(ctx.session);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nth_call),
		cmocka_unit_test(test_reply_fails),
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_unseen_header),
		cmocka_unit_test(test_old_mta),
		cmocka_unit_test(test_out_of_order),
		cmocka_unit_test(test_abandoned),
		cmocka_unit_test(test_lost_helo),
		cmocka_unit_test(test_plan_ends),
		cmocka_unit_test(test_refused_after_a_plan),
		cmocka_unit_test(test_stopping),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return unit_leave(cmocka_run_group_tests(tests, start, stop_daemon));
}
