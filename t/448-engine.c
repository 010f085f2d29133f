/*
 * Our engine without a socket: packets, macros, and what a session comes to.
 * A session is written as letters of commands with their data, | between them
 * and ~ for NUL; "O" alone is an MTA that knows everything.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "milter/engine/talk.h"
#include "t/nth.h"
#include "t/unit.h"

static char said_text[8192];
static struct text said; /* callbacks and answers, in their order */
static struct packet_buffer out;
static size_t seen; /* bytes of `out` that were looked at */
static SMFICTX context;

/* Answers since the last time, as <letters>. */
static void
say_answers(void)
{
	struct slice rest = slice_make(out.bytes + seen, out.n - seen);
	struct packet packet;
	size_t used;

	while (packet_read(rest, &packet, &used) == PACKET_WHOLE) {
		text_printf(&said, "<%c", packet.command);
		if (packet.command == SMFIR_REPLYCODE)
			text_printf(&said, " %s", packet.data.p);
		text_puts(&said, "> ");
		rest = slice_from(rest, used);
	}
	assert_int_equal(rest.n, 0);
	seen = out.n;
}

static sfsistat
on_negotiate(SMFICTX *ctx, unsigned long offered, unsigned long known,
    unsigned long f2, unsigned long f3, unsigned long *actions,
    unsigned long *steps, unsigned long *p2, unsigned long *p3)
{
	(void)f2;
	(void)f3;
	*p2 = *p3 = known & 0;
	*actions = offered & (SMFIF_QUARANTINE | SMFIF_ADDHDRS |
	    SMFIF_CHGHDRS | SMFIF_SETSYMLIST);
	*steps |= SMFIP_NR_HELO | SMFIP_NR_HDR;
	if ((offered & SMFIF_SETSYMLIST) == 0)
		return SMFIS_REJECT;
	return context_setsymlist(ctx, SMFIM_ENVFROM, "v {verify}") &&
	    !context_setsymlist(ctx, SMFIM_ENVFROM, "v") &&
	    !context_setsymlist(ctx, SMFIM_LAST + 1, "v") ? SMFIS_CONTINUE :
	    SMFIS_REJECT;
}

static sfsistat
on_helo(SMFICTX *ctx, char *name)
{
	(void)ctx;
	text_printf(&said, "helo(%s) ", name);
	return SMFIS_NOREPLY;
}

/* The callback's answer is spelt in the address. */
static sfsistat
answer(SMFICTX *ctx, const char *address)
{
	static const char *const lines[] = { "no", "really" };

	if (strstr(address, "macro") != NULL) {
		const char *value = context_getsymval(ctx, "v");

		text_printf(&said, "v=%s ", value == NULL ? "-" : value);
	}
	if (strstr(address, "park") != NULL)
		context_park(ctx, 1);
	if (strstr(address, "stale") != NULL)
		assert_true(context_setreply(ctx, "550", "5.7.1", lines, 1));
	if (strstr(address, "two") != NULL &&
	    !context_setreply(ctx, "550", "5.7.1", lines, 2))
		text_puts(&said, "unset ");
	if (strstr(address, "temp") != NULL)
		return SMFIS_TEMPFAIL;
	return strstr(address, "bad") != NULL ? SMFIS_REJECT : SMFIS_CONTINUE;
}

static sfsistat
on_mail(SMFICTX *ctx, char **argv)
{
	text_puts(&said, "mail(");
	for (char **p = argv; *p != NULL; p++)
		text_printf(&said, "%s%s", p == argv ? "" : " ", *p);
	text_puts(&said, ") ");
	return answer(ctx, argv[0]);
}

static sfsistat
on_rcpt(SMFICTX *ctx, char **argv)
{
	text_printf(&said, "rcpt(%s) ", argv[0]);
	return answer(ctx, argv[0]);
}

static sfsistat
on_data(SMFICTX *ctx)
{
	(void)ctx;
	text_puts(&said, "data ");
	return SMFIS_CONTINUE;
}

static sfsistat
on_header(SMFICTX *ctx, char *name, char *value)
{
	(void)ctx;
	text_printf(&said, "header(%s:%s) ", name, value);
	return SMFIS_NOREPLY;
}

static sfsistat
on_eoh(SMFICTX *ctx)
{
	text_puts(&said, "eoh ");
	/* Changes are refused before the end of the message. */
	assert_false(context_quarantine(ctx, "x"));
	assert_false(context_insheader(ctx, 0, "X", "y"));
	return SMFIS_CONTINUE;
}

static sfsistat
on_eom(SMFICTX *ctx)
{
	text_puts(&said, "eom ");
	assert_false(context_quarantine(ctx, ""));
	assert_false(context_chgheader(ctx, "", 1, "y"));
	assert_false(context_chgheader(ctx, "X", -1, "y"));
	if (!context_chgheader(ctx, "X", 1, NULL) ||
	    !context_insheader(ctx, 0, "X", "y") ||
	    !context_quarantine(ctx, "held"))
		text_puts(&said, "unchanged ");
	return SMFIS_CONTINUE;
}

static sfsistat
on_abort(SMFICTX *ctx)
{
	(void)ctx;
	text_puts(&said, "abort ");
	return SMFIS_CONTINUE;
}

static sfsistat
on_close(SMFICTX *ctx)
{
	if (context_getpriv(ctx) != NULL)
		context_park(ctx, 1);
	text_puts(&said, "close ");
	return SMFIS_CONTINUE;
}

static sfsistat
on_settled(SMFICTX *ctx, sfsistat what)
{
	(void)ctx;
	text_puts(&said, "settled ");
	return what;
}

static const struct context_callbacks callbacks = {
	.milter = { .xxfi_negotiate = on_negotiate, .xxfi_helo = on_helo,
	    .xxfi_envfrom = on_mail, .xxfi_envrcpt = on_rcpt,
	    .xxfi_data = on_data, .xxfi_header = on_header,
	    .xxfi_eoh = on_eoh, .xxfi_eom = on_eom, .xxfi_abort = on_abort,
	    .xxfi_close = on_close },
	.settled = on_settled
};

static enum talk
settle(enum talk result)
{
	while (result == TALK_PARKED)
		result = talk_settled(&context, &out);
	return result;
}

static void
end(enum talk result)
{
	if (result == TALK_BROKEN)
		text_printf(&said, "broken: %s; ", context.why);
	if (result != TALK_OVER)
		assert_int_equal(settle(talk_end(&context)), TALK_OVER);
}

/*
 * The packet lies in memory of just its size, so that a sanitizer sees reads
 * beyond it.
 */
static enum talk
send_packet(const char *token, size_t n)
{
	static const char offer[] = "O\0\0\0\6\0\0\1\377\0\37\377\377";
	size_t length = n == 1 && *token == 'O' ? sizeof offer - 1 : n;
	unsigned char *bytes = aligned_alloc(1, 4 + length); /* never fails */
	struct packet packet;
	enum talk result;
	size_t used;

	bytes[0] = bytes[1] = 0;
	bytes[2] = (unsigned char)(length >> 8);
	bytes[3] = (unsigned char)length;
	memcpy(bytes + 4, length == n ? token : offer, length);
	for (size_t i = 4; length == n && i < 4 + length; i++)
		if (bytes[i] == '~')
			bytes[i] = '\0';
	assert_int_equal(packet_read(slice_make((char *)bytes, 4 + length),
	    &packet, &used), PACKET_WHOLE);
	assert_int_equal(used, 4 + length);
	result = settle(talk_packet(&context, &packet, &out));
	free(bytes);
	return result;
}

static const char *
hold(const char *session)
{
	enum talk result = TALK_ON;

	text_init(&said, said_text, sizeof said_text);
	context_init(&context, &callbacks);
	out.n = seen = 0;
	while (result == TALK_ON && *session != '\0') {
		size_t n = strcspn(session, "|");

		result = send_packet(session, n);
		say_answers();
		session += n + (session[n] == '|');
	}
	end(result);
	context_free(&context);
	return said_text;
}

static const struct {
	const char *session, *comes_to;
} sessions[] = {
	{ "", "close " },
	{ "O|C|Hx~|M<a>~|R<b>~|T|Ls~v~|N|Bx|E|Q", "<O> <c> helo(x) mail(<a>) "
	  "<c> rcpt(<b>) <c> data <c> header(s:v) eoh <c> <c> eom <m> <i> <q> "
	  "<c> close " },
	/* Parameters; more than one message; a new session. */
	{ "O|M<a>~X=1~Y~|R<b>~|E|M<c>~|A|Q", "<O> mail(<a> X=1 Y) <c> "
	  "rcpt(<b>) <c> eom <m> <i> <q> <c> mail(<c>) <c> abort close " },
	{ "O|C|M<a>~|K|C|Hy~|M<a>~|Q", "<O> <c> mail(<a>) <c> abort close <c> "
	  "helo(y) mail(<a>) <c> abort close " },
	/* Refusals. */
	{ "O|M<bad>~|R<b>~|M<a>~", "<O> mail(<bad>) <r> mail(<a>) <c> abort "
	  "close " },
	{ "O|M<a>~|R<two bad>~|R<temp>~|R<b>~", "<O> mail(<a>) <c> "
	  "rcpt(<two bad>) <y 550-5.7.1 no\r\n550 5.7.1 really> rcpt(<temp>) "
	  "<t> rcpt(<b>) <c> abort close " },
	{ "O|M<stale temp>~", "<O> mail(<stale temp>) <t> close " },
	{ "O|M<stale>~|R<bad>~", "<O> mail(<stale>) <c> rcpt(<bad>) <r> abort "
	  "close " },
	/* Sessions that wait for their records. */
	{ "O|M<park>~|R<park bad>~|R<b>~|Q", "<O> mail(<park>) settled <c> "
	  "rcpt(<park bad>) settled <r> rcpt(<b>) <c> abort close " },
	/* Out of order: HELO and MAIL begin anew, others are not seen. */
	{ "O|R<b>~|T|N|Ls~v~|Bx|E|A|M<a>~", "<O> mail(<a>) <c> abort close " },
	{ "O|M<a>~|M<b>~|Hx~", "<O> mail(<a>) <c> abort mail(<b>) <c> abort "
	  "helo(x) close " },
	{ "O|M<a>~|E|R<b>~", "<O> mail(<a>) <c> abort close " },
	{ "O|M<a>~|R<b>~|N|R<c>~", "<O> mail(<a>) <c> rcpt(<b>) <c> eoh <c> "
	  "abort close " },
	{ "O|U", "<O> <c> close " },
	{ "M<a>~", "broken: a command before the negotiation; close " },
	{ "O|O", "<O> broken: a second negotiation; close " },
	{ "Ox", "broken: a negotiation that is too short; close " },
	{ "O~~~\1~~~~~~~~", "broken: a version of the protocol before 2; close "
	},
	{ "O~~~\6~~~\1~~~~", "broken: an MTA that the daemon turns away; "
	  "close " },
	{ "O|x", "<O> broken: an unknown command; close " },
	/* What is not text, or has no end. */
	{ "O|H", "<O> broken: a HELO that has no end; close " },
	{ "O|Hx~y~|M<a>~", "<O> helo(x) mail(<a>) <c> abort close " },
	{ "O|M", "<O> broken: a command without an address; abort close " },
	{ "O|M<a>", "<O> broken: an address that has no end, or too many "
	  "parameters; abort close " },
	{ "O|M<a>~|R<b>~|Ls~v~w~|Ls~v", "<O> mail(<a>) <c> rcpt(<b>) <c> "
	  "header(s:v) broken: a header that is not a name and a value; abort "
	  "close " },
	/* Macros. */
	{ "O|DMv~1~|M<macro>~", "<O> mail(<macro>) v=1 <c> abort close " },
	{ "O|DM{v}~2~|M<macro>~|DRv~3~|R<macro>~|M<macro>~", "<O> "
	  "mail(<macro>) v=2 <c> rcpt(<macro>) v=3 <c> abort mail(<macro>) "
	  "v=2 <c> abort close " },
	{ "O|DMv~1~|Hx~|M<macro>~", "<O> helo(x) mail(<macro>) v=- <c> abort "
	  "close " },
	{ "O|DMv~1~|DM|M<macro>~", "<O> mail(<macro>) v=- <c> abort close " },
	{ "O|DCv~1~|K|M<macro>~", "<O> close mail(<macro>) v=- <c> abort "
	  "close " },
	{ "O|DMv~", "<O> broken: macros that are not names and values; close " },
	{ "O|DMv~1", "<O> broken: macros that are not names and values; close "
	},
	{ "O|D", "<O> broken: macros of no command; close " },
	{ "O|DZv~1~", "<O> broken: macros of no command; close " },
	{ "O|DAv~1~|DM{vw}~1~v~2~|M<macro>~", "<O> mail(<macro>) v=2 <c> "
	  "abort close " },
	{ "O|DM{v~1~v}x~2~{v}~3~|M<macro>~", "<O> mail(<macro>) v=3 <c> "
	  "abort close " },
	{ "O|DMv~1~w|M<macro>~", "<O> broken: macros that are not names and "
	  "values; close " },
	{ "O|M<a>~|R<b>~|Ls|E", "<O> mail(<a>) <c> rcpt(<b>) <c> broken: a "
	  "header that is not a name and a value; abort close " },
	{ "O|M<a>~|R<b>~|L|E", "<O> mail(<a>) <c> rcpt(<b>) <c> broken: a "
	  "header that is not a name and a value; abort close " },
	{ "O|DUv~1~|DLv~1~|DBv~1~|M<macro>~", "<O> mail(<macro>) v=- <c> abort "
	  "close " },
};

static void
test_sessions(void **state)
{
	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(sessions); i++)
		unit_same(sessions[i].session, sessions[i].comes_to,
		    hold(sessions[i].session));
	unit_end();
}

/*
 * Whether a session of two messages, with a reply and a change, ended well for
 * want of memory.
 */
static bool
refused_well(const char *got)
{
	const char *broken = strstr(got, "broken: ");
	const char *begun = strstr(got, "mail(<");

	if (strcmp(got + strlen(got) - strlen("close "), "close ") != 0)
		return false;
	if (broken == NULL)
		return strstr(got, "unset ") != NULL ||
		    strstr(got, "unchanged ") != NULL ||
		    strstr(got, "v=- ") != NULL;
	/*
	 * The callback cannot keep its list of macros, and turns the MTA away.
	 */
	if (strstr(broken, "turns away") != NULL)
		return begun == NULL;
	return strstr(broken, "memory") != NULL && (begun == NULL ||
	    strstr(broken, "abort ") != NULL || strstr(got, "eom ") != NULL);
}

/*
 * The n-th piece of memory is refused, or all from there on: the session is what
 * it was, or it is broken for want of memory, and what was under way is told as
 * aborted.
 */
static void
test_memory(void **state)
{
	static const char sent[] = "O|DMv~1~|M<a>~|R<two bad>~|R<macro>~|E|"
	    "M<park>~|R<b>~|Ls~v~|Q";
	char good[1024];
	long n = 0, calls;

	(void)state;
	snprintf(good, sizeof good, "%s", hold(sent));
	assert_null(strstr(good, "broken"));
	do {
		n++;
		for (int onward = 0; onward < 2; onward++) {
			const char *got;

			free(out.bytes);
			memset(&out, 0, sizeof out);
			nth_arm(NULL, n, onward ? LONG_MAX : n, ENOMEM);
			got = hold(sent);
			calls = nth_disarm();
			if (strcmp(got, good) == 0)
				continue;
			unit_number(got, true, refused_well(got));
		}
	} while (calls >= n);
	assert_in_range(n, 5, 60);
	unit_end();
}

/* An MTA that waits for answers which a newer one does without, gets them. */
static void
test_old_mta(void **state)
{
	(void)state;
	unit_same("version 2", "<O> <c> helo(x) <c> close ",
	    hold("O~~~\2~~\1\377~~~\177|C|Hx~"));
	unit_end();
}

static void
test_packets(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		enum packet_read what;
	} rows[] = {
		{ "", 0, PACKET_PARTIAL },
		{ "\0\0\0", 3, PACKET_PARTIAL },
		{ "\0\0\0\1", 4, PACKET_PARTIAL },
		{ "\0\0\0\1Q", 5, PACKET_WHOLE },
		{ "\0\0\0\1QQ", 6, PACKET_WHOLE },
		{ "\0\0\0\2Q", 5, PACKET_PARTIAL },
		{ "\0\0\0\0", 4, PACKET_BAD },
		{ "\0\4\0\0M", 5, PACKET_PARTIAL }, /* the longest packet */
		{ "\0\4\0\1M", 5, PACKET_BAD },
		{ "\177\377\377\377M", 5, PACKET_BAD },
		{ "\200\0\0\0M", 5, PACKET_BAD },
		{ "\377\377\377\377M", 5, PACKET_BAD },
	};
	struct packet packet;
	size_t used;

	(void)state;
	assert_int_equal(PACKET_MAX, 0x40000);
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		unit_number(rows[i].bytes, rows[i].what, packet_read(
		    slice_make(rows[i].bytes, rows[i].n), &packet, &used));
		unit_number("used", rows[i].what == PACKET_WHOLE ? 5 : 0,
		    (long long)used);
	}
	unit_end();
}

/* The number and bytes of macros kept for one command are bounded. */
static void
test_many_macros(void **state)
{
	static char bytes[SYMBOLS_BYTES_MAX + 1];
	struct symbols s = { 0 };

	(void)state;
	for (size_t i = 0; i < 4 * SYMBOLS_MAX; i++)
		bytes[i] = i % 2 == 0 ? 'x' : '\0';
	assert_int_equal(symbols_take(&s, SYMBOLS_MAIL,
	    slice_make(bytes, 4 * SYMBOLS_MAX)), SYMBOLS_TAKEN);
	assert_string_equal(symbols_find(&s, "{x}"), "x");
	memcpy(bytes + 4 * SYMBOLS_MAX, "y\0z", 4);
	assert_int_equal(symbols_take(&s, SYMBOLS_RCPT,
	    slice_make(bytes, 4 * SYMBOLS_MAX + 4)), SYMBOLS_BAD);
	memset(bytes, 'x', sizeof bytes);
	bytes[1] = bytes[SYMBOLS_BYTES_MAX - 1] = '\0';
	assert_int_equal(symbols_take(&s, SYMBOLS_RCPT,
	    slice_make(bytes, SYMBOLS_BYTES_MAX)), SYMBOLS_TAKEN);
	bytes[SYMBOLS_BYTES_MAX - 1] = 'x';
	bytes[SYMBOLS_BYTES_MAX] = '\0';
	assert_int_equal(symbols_take(&s, SYMBOLS_RCPT,
	    slice_make(bytes, SYMBOLS_BYTES_MAX + 1)), SYMBOLS_BAD);
	/* Macros that were refused leave those of before. */
	assert_non_null(symbols_find(&s, "x"));
	assert_null(symbols_find(&s, "xx"));
	symbols_forget(&s, SYMBOLS_CONNECT);
	assert_null(symbols_find(&s, "x"));
}

static void
test_many_parameters(void **state)
{
	static char session[8192] = "O|M<a>~";

	(void)state;
	for (size_t i = 0; i < 1023; i++)
		strcat(session, "~");
	assert_null(strstr(hold(session), "broken"));
	strcat(session, "~");
	assert_non_null(strstr(hold(session), "broken: an address"));
}

/* The texts that libmilter takes, and no other. */
static void
test_replies(void **state)
{
	static char longest[982], longer[982];
	const struct {
		const char *code, *dsn, *line;
		bool good;
	} rows[] = {
		{ "550", "5.7.1", "no", true }, { "451", "4.3.0", "", true },
		{ "550", "5.7.10", "100%%", true },
		{ "550", "5.7.1", longest, true },
		{ "550", "5.7.1", longer, false },
		{ "250", "2.1.0", "x", false }, { "55", "5.7.1", "x", false },
		{ "5500", "5.7.1", "x", false }, { "5a0", "5.7.1", "x", false },
		{ "550", "4.7.1", "x", false }, { "550", "5.7", "x", false },
		{ "550", "5x7.1", "x", false }, { "55", "55.1", "x", false },
		{ "550", "5.7.1234", "x", false }, { "550", "5..1", "x", false },
		{ "550", "5.7.1x", "x", false }, { "550", "", "x", false },
		{ "550", "5.7.1", "a\rb", false },
		{ "550", "5.7.1", "a\nb", false },
		{ "550", "5.7.1", "100%", false },
		{ "550", "5.7.1", "%%%", false },
	};

	(void)state;
	memset(longest, 'x', 980);
	memset(longer, 'x', 981);
	context_init(&context, &callbacks);
	for (size_t i = 0; i < UNIT_COUNT(rows); i++)
		unit_number(rows[i].line, rows[i].good, context_setreply(
		    &context, rows[i].code, rows[i].dsn, &rows[i].line, 1));
	unit_number("no line", false, context_setreply(&context, "550",
	    "5.7.1", NULL, 0));
	context_free(&context);
	unit_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sessions),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_old_mta),
		cmocka_unit_test(test_packets),
		cmocka_unit_test(test_many_macros),
		cmocka_unit_test(test_many_parameters),
		cmocka_unit_test(test_replies),
	};
	int failed = unit_main(tests);

	free(out.bytes);
	return failed;
}
