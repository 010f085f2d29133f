/*
 * What a peer sends to our engine, behind a byte that says in what pieces: the
 * callbacks are called in an order that a session has, with text; answers are
 * packets; and pieces, through a socket, come to what the whole does.
 */
#include "t/fuzz/fuzz.h"
#include "policy/base/clock.h"

#include <sys/socket.h>

#include "milter/engine/peer.h"
#include "milter/log.h"

/* Digests of the callbacks made and of the answers given. */
static uint64_t calls, answers;
static bool mail, rcpt, closed;

static void
note(uint64_t *sum, struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		*sum = (*sum ^ (unsigned char)s.p[i]) * 0x100000001b3;
	*sum = (*sum ^ 0x100) * 0x100000001b3;
}

static void
call(const char *name, const char *argument)
{
	FUZZ_CHECK(!closed);
	note(&calls, slice_of(name));
	note(&calls, slice_of(argument));
}

static sfsistat
on_negotiate(SMFICTX *ctx, unsigned long offered, unsigned long known,
    unsigned long f2, unsigned long f3, unsigned long *actions,
    unsigned long *steps, unsigned long *p2, unsigned long *p3)
{
	(void)f2;
	(void)f3;
	*p2 = *p3 = known & 0;
	*actions = offered & (SMFIF_QUARANTINE | SMFIF_ADDHDRS | SMFIF_CHGHDRS);
	*steps |= SMFIP_NR_HELO | SMFIP_NR_HDR;
	call("negotiate", "");
	return context_setsymlist(ctx, SMFIM_ENVFROM, "v") ? SMFIS_CONTINUE :
	    SMFIS_REJECT;
}

static sfsistat
on_helo(SMFICTX *ctx, char *name)
{
	const char *macro = context_getsymval(ctx, "{v}");

	call("helo", name);
	call("macro", macro == NULL ? "" : macro);
	return SMFIS_NOREPLY;
}

/* The callback's answer is spelt in the address's second letter. */
static sfsistat
answer(SMFICTX *ctx, const char *address)
{
	static const char *const lines[] = { "no", "100%%" };

	switch (address[0] == '\0' ? '\0' : address[1]) {
	case 'r':
		FUZZ_CHECK(context_setreply(ctx, "550", "5.7.1", lines, 2));
		return SMFIS_REJECT;
	case 't':
		return SMFIS_TEMPFAIL;
	case 'p':
		context_park(ctx, 0);
		return SMFIS_CONTINUE;
	default:
		return SMFIS_CONTINUE;
	}
}

static sfsistat
on_mail(SMFICTX *ctx, char **argv)
{
	const char *macro = context_getsymval(ctx, "v");
	sfsistat what = answer(ctx, argv[0]);

	for (char **p = argv; *p != NULL; p++)
		call("mail", *p);
	call("macro", macro == NULL ? "" : macro);
	mail = what == SMFIS_CONTINUE;
	rcpt = false;
	return what;
}

static sfsistat
on_rcpt(SMFICTX *ctx, char **argv)
{
	FUZZ_CHECK(mail);
	for (char **p = argv; *p != NULL; p++)
		call("rcpt", *p);
	rcpt = true;
	return answer(ctx, argv[0]);
}

static sfsistat
on_header(SMFICTX *ctx, char *name, char *value)
{
	(void)ctx;
	FUZZ_CHECK(mail && rcpt);
	call("header", name);
	call("value", value);
	return SMFIS_NOREPLY;
}

static sfsistat
on_eoh(SMFICTX *ctx)
{
	(void)ctx;
	FUZZ_CHECK(mail && rcpt);
	call("eoh", "");
	return SMFIS_CONTINUE;
}

static sfsistat
on_eom(SMFICTX *ctx)
{
	FUZZ_CHECK(mail && rcpt);
	call("eom", "");
	if (!context_insheader(ctx, 0, "X", "y") ||
	    !context_quarantine(ctx, "held"))
		call("unchanged", "");
	mail = rcpt = false;
	return SMFIS_CONTINUE;
}

static sfsistat
on_abort(SMFICTX *ctx)
{
	(void)ctx;
	call("abort", "");
	mail = rcpt = false;
	return SMFIS_CONTINUE;
}

static sfsistat
on_close(SMFICTX *ctx)
{
	call("close", "");
	FUZZ_CHECK(!mail);
	closed = ctx->over;
	return SMFIS_CONTINUE;
}

static sfsistat
on_settled(SMFICTX *ctx, sfsistat what)
{
	(void)ctx;
	return what;
}

static const struct context_callbacks callbacks = {
	.milter = { .xxfi_negotiate = on_negotiate, .xxfi_helo = on_helo,
	    .xxfi_envfrom = on_mail, .xxfi_envrcpt = on_rcpt,
	    .xxfi_header = on_header, .xxfi_eoh = on_eoh, .xxfi_eom = on_eom,
	    .xxfi_abort = on_abort, .xxfi_close = on_close },
	.settled = on_settled
};

static void
forget(void)
{
	calls = answers = 0xcbf29ce484222325;
	mail = rcpt = closed = false;
}

static void
check_answers(struct slice rest)
{
	struct packet packet;
	size_t used;

	while (packet_read(rest, &packet, &used) == PACKET_WHOLE) {
		FUZZ_CHECK(strchr("Ocrtyiqm", packet.command) != NULL);
		rest = slice_from(rest, used);
	}
	FUZZ_CHECK(rest.n == 0);
}

/* Whole: what is said, in order, without a socket.  True: it was broken off. */
static bool
say(struct slice rest, struct packet_buffer *out)
{
	enum packet_read read = PACKET_PARTIAL;
	enum talk result = TALK_ON;
	struct smfi_str ctx;
	struct packet packet;
	size_t used;

	context_init(&ctx, &callbacks);
	while (result == TALK_ON &&
	    (read = packet_read(rest, &packet, &used)) == PACKET_WHOLE) {
		FUZZ_CHECK(used <= rest.n);
		for (size_t i = 0; i < used; i++) {
			struct packet part;
			size_t none;

			FUZZ_CHECK(packet_read(slice_make(rest.p, i), &part,
			    &none) == PACKET_PARTIAL);
			i += i < 16 ? 0 : used / 16;
		}
		result = talk_packet(&ctx, &packet, out);
		while (result == TALK_PARKED)
			result = talk_settled(&ctx, out);
		rest = slice_from(rest, used);
	}
	check_answers(slice_make(out->bytes, out->n));
	FUZZ_CHECK(result != TALK_BROKEN || ctx.why != NULL);
	if (result != TALK_OVER)
		FUZZ_CHECK(talk_end(&ctx) == TALK_OVER);
	FUZZ_CHECK(closed);
	context_free(&ctx);
	return result == TALK_BROKEN || read == PACKET_BAD;
}

static void
drain(int fd)
{
	char bytes[4096];
	ssize_t n;

	while ((n = read(fd, bytes, sizeof bytes)) > 0)
		for (ssize_t i = 0; i < n; i++)
			note(&answers, slice_make(bytes + i, 1));
}

/* In pieces, by a socket. */
static void
send_pieces(struct slice rest, size_t piece)
{
	static struct peer_scratch scratch;
	enum peer_next next = PEER_REST;
	struct peer *p;
	int pair[2];

	FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) ==
	    0);
	FUZZ_CHECK((p = peer_new(pair[1], &callbacks, clock_ms())) != NULL);
	while (next != PEER_GONE) {
		size_t n = rest.n < piece ? rest.n : piece;

		if (n > 0)
			FUZZ_CHECK(send(pair[0], rest.p, n, MSG_NOSIGNAL) ==
			    (ssize_t)n);
		rest = slice_from(rest, n);
		if (n == 0) {
			FUZZ_CHECK(shutdown(pair[0], SHUT_WR) == 0);
			p->ended = true;
		}
		do {
			next = peer_turn(p, &scratch);
			if (next == PEER_PARKED)
				next = peer_settle(p, &scratch);
			drain(pair[0]);
		} while (next != PEER_REST && next != PEER_GONE);
		FUZZ_CHECK(n > 0 || next == PEER_GONE);
	}
	peer_free(p);
	drain(pair[0]);
	close(pair[0]);
	FUZZ_CHECK(closed);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	log_set_level(LOG_LEVEL_ERROR);
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct packet_buffer out = { 0 };
	uint64_t calls_whole, answers_whole;
	struct slice all;
	bool broken;

	if (size == 0)
		return 0;
	all = slice_make((const char *)data + 1, size - 1);
	forget();
	broken = say(all, &out);
	for (size_t i = 0; i < out.n; i++)
		note(&answers, slice_make(out.bytes + i, 1));
	free(out.bytes);
	calls_whole = calls;
	answers_whole = answers;
	/* No more bytes than a socket has room for. */
	if (data[0] == 0 || size > 32768)
		return 0;
	forget();
	send_pieces(all, data[0] == 0xff ? size : data[0]);
	FUZZ_CHECK(calls == calls_whole);
	FUZZ_CHECK(broken || answers == answers_whole);
	return 0;
}
