/*
 * A connection of our engine, its other end in the hands of the test: packets in
 * pieces, answers that nobody reads, silence, and a session that is parked.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "milter/engine/peer.h"
#include "policy/policy.h"
#include "t/nth.h"
#include "t/unit.h"

enum { MINUTE_MS = 61 * 1000, HOURS_MS = 7211 * 1000 };

static struct peer_scratch scratch;
static int other; /* the MTA's end */
static unsigned nmail, naborts, nclosed;
static bool parking;

static sfsistat
on_negotiate(SMFICTX *ctx, unsigned long offered, unsigned long known,
    unsigned long f2, unsigned long f3, unsigned long *actions,
    unsigned long *steps, unsigned long *p2, unsigned long *p3)
{
	(void)ctx;
	(void)known;
	(void)f2;
	(void)f3;
	*actions = offered & 0;
	*steps |= SMFIP_NR_HELO;
	*p2 = *p3 = 0;
	return SMFIS_CONTINUE;
}

static sfsistat
on_helo(SMFICTX *ctx, char *name)
{
	(void)ctx;
	(void)name;
	return SMFIS_NOREPLY;
}

static sfsistat
on_mail(SMFICTX *ctx, char **argv)
{
	(void)argv;
	nmail++;
	if (parking)
		context_park(ctx, clock_ms());
	return SMFIS_CONTINUE;
}

static sfsistat
on_abort(SMFICTX *ctx)
{
	(void)ctx;
	naborts++;
	return SMFIS_CONTINUE;
}

static sfsistat
on_close(SMFICTX *ctx)
{
	(void)ctx;
	nclosed++;
	return SMFIS_CONTINUE;
}

static sfsistat
on_settled(SMFICTX *ctx, sfsistat answer)
{
	(void)ctx;
	return answer;
}

static const struct context_callbacks callbacks = {
	.milter = { .xxfi_negotiate = on_negotiate, .xxfi_helo = on_helo,
	    .xxfi_envfrom = on_mail, .xxfi_abort = on_abort,
	    .xxfi_close = on_close },
	.settled = on_settled
};

static const char offer[] = "\0\0\0\15O\0\0\0\6\0\0\1\377\0\37\377\377";
static const char mail[] = "\0\0\0\5M<a>\0";
enum { OFFER = sizeof offer - 1, MAIL = sizeof mail - 1, NEGOTIATED = 17,
	ANSWER = 5 };

static struct peer *
begin(void)
{
	struct peer *p;
	int pair[2];

	nmail = naborts = nclosed = 0;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
	    pair), 0);
	other = pair[0];
	p = peer_new(pair[1], &callbacks, clock_ms());
	assert_non_null(p);
	return p;
}

static void
finish(struct peer *p)
{
	peer_free(p);
	if (other != -1)
		close(other);
}

static void
hang_up(void)
{
	close(other);
	other = -1;
}

static void
send_bytes(const char *bytes, size_t n)
{
	assert_int_equal(write(other, bytes, n), n);
}

/* Calls peer_turn() until there is nothing to do. */
static enum peer_next
turn(struct peer *p)
{
	enum peer_next next;

	do
		next = peer_turn(p, &scratch);
	while (next == PEER_AGAIN);
	return next;
}

static size_t
receive(char *to, size_t room)
{
	ssize_t n = read(other, to, room);

	if (n == -1)
		assert_int_equal(errno, EAGAIN);
	return n < 0 ? 0 : (size_t)n;
}

static void
test_pieces(void **state)
{
	char session[512], whole[512], pieces[512];
	size_t n = 0, nwhole;

	(void)state;
	memcpy(session, offer, OFFER);
	n += OFFER;
	for (int i = 0; i < 3; i++, n += MAIL)
		memcpy(session + n, mail, MAIL);
	for (size_t cut = 0; cut <= n; cut++) {
		struct peer *p = begin();
		size_t got;

		send_bytes(session, cut);
		assert_int_equal(turn(p), PEER_REST);
		send_bytes(session + cut, n - cut);
		assert_int_equal(turn(p), PEER_REST);
		assert_null(p->rest);
		assert_int_equal(nmail, 3);
		got = receive(cut == 0 ? whole : pieces, sizeof whole);
		if (cut == 0)
			nwhole = got;
		else
			assert_memory_equal(pieces, whole, nwhole);
		assert_int_equal(got, nwhole);
		finish(p);
	}
}

/* Sends commands until no more are taken; reads no answer. */
static unsigned
talk_deaf(struct peer *p)
{
	static char bytes[1000 * MAIL];
	unsigned sent = 0;

	for (int i = 0; i < 1000; i++)
		memcpy(bytes + i * MAIL, mail, MAIL);
	for (int i = 0; i < 1000; i++) {
		ssize_t n = write(other, bytes, sizeof bytes);

		if (n == -1)
			break;
		/*
		 * The last command is sent whole, so that they can be counted.
		 */
		while (n % MAIL != 0) {
			(void)turn(p);
			if (write(other, bytes + n % MAIL, 1) == 1)
				n++;
		}
		sent += (unsigned)n / MAIL;
		(void)turn(p);
	}
	return sent;
}

static void
test_slow_reader(void **state)
{
	struct peer *p = begin();
	char answers[4096];
	size_t got = 0, n;
	unsigned sent;

	(void)state;
	send_bytes(offer, OFFER);
	assert_int_equal(turn(p), PEER_REST);
	assert_true(receive(answers, sizeof answers) > 0);
	sent = talk_deaf(p);
	assert_int_equal(turn(p), PEER_SENDS);
	assert_in_range(nmail, 1, sent - 1);
	assert_true(p->nunsent <= PEER_BUFFER + 4096);
	assert_true(p->room <= 4 * PEER_BUFFER);
	/* The client reads its answers now, so the session is served on. */
	while ((n = receive(answers, sizeof answers)) > 0 || got < 5 * sent) {
		got += n;
		(void)turn(p);
	}
	assert_int_equal(nmail, sent);
	assert_int_equal(got, 5 * sent);
	assert_int_equal(p->nunsent, 0);
	assert_int_equal(turn(p), PEER_REST);
	(void)talk_deaf(p);
	assert_int_equal(turn(p), PEER_SENDS);
	assert_int_equal(peer_look(p, clock_ms() + 1000), PEER_REST);
	assert_int_equal(peer_look(p, clock_ms() + MINUTE_MS), PEER_GONE);
	assert_int_equal(nclosed, 1);
	finish(p);
}

/*
 * A client that pipelines without end gets one turn after the other, not the
 * whole thread.
 */
static void
test_turns(void **state)
{
	static char bytes[1000 * MAIL];
	struct peer *p = begin();
	char answers[8192];
	unsigned turns = 1;

	(void)state;
	send_bytes(offer, OFFER);
	for (int i = 0; i < 1000; i++)
		memcpy(bytes + i * MAIL, mail, MAIL);
	send_bytes(bytes, sizeof bytes);
	assert_int_equal(peer_turn(p, &scratch), PEER_AGAIN);
	assert_in_range(nmail, 1, 100);
	while (peer_turn(p, &scratch) == PEER_AGAIN)
		turns++;
	assert_in_range(turns, 10, 1000);
	assert_int_equal(nmail, 1000);
	assert_null(p->rest);
	assert_true(receive(answers, sizeof answers) > 5);
	finish(p);
}

/* Sends the most of a packet that is not whole. */
static enum peer_next
hold_much(struct peer *p)
{
	static char bytes[65536];
	enum peer_next next = PEER_REST;

	send_bytes(offer, OFFER);
	send_bytes("\0\4\0\0M", 5);
	for (int i = 0; i < 3 && next == PEER_REST; i++) {
		send_bytes(bytes, sizeof bytes);
		next = turn(p);
	}
	return next;
}

/*
 * Bytes held by all peers together are bounded; a peer that holds little is
 * still served.
 */
static void
test_heavy(void **state)
{
	enum { MANY = 400 };
	static struct peer *peers[MANY];
	static int others[MANY];
	struct peer *light;
	unsigned closed = 0;
	size_t held = 0;
	enum peer_next end;

	(void)state;
	for (int i = 0; i < MANY; i++) {
		peers[i] = begin();
		others[i] = other;
		if (hold_much(peers[i]) == PEER_GONE) {
			assert_int_equal(nclosed, 1);
			closed++;
		} else {
			held += peers[i]->room;
		}
	}
	assert_in_range(held, 32 << 20, 80 << 20);
	assert_in_range(closed, MANY / 4, MANY - 100);
	light = begin();
	send_bytes(offer, OFFER);
	send_bytes(mail, MAIL);
	send_bytes(mail, MAIL - 1);
	assert_int_equal(turn(light), PEER_REST);
	assert_int_equal(nmail, 1);
	finish(light);
	for (int i = 0; i < MANY; i++) {
		other = others[i];
		finish(peers[i]);
	}
	/* The memory that ended peers held is counted as free again. */
	for (int i = 0; i < MANY; i++) {
		light = begin();
		end = hold_much(light);
		assert_int_equal(end, PEER_REST);
		finish(light);
	}
}

static void
test_silence(void **state)
{
	struct peer *p = begin();

	(void)state;
	assert_int_equal(turn(p), PEER_REST);
	assert_int_equal(peer_look(p, clock_ms() + MINUTE_MS), PEER_REST);
	assert_int_equal(peer_look(p, clock_ms() + HOURS_MS), PEER_GONE);
	assert_int_equal(nclosed, 1);
	finish(p);

	p = begin();
	send_bytes(offer, OFFER - 1);
	assert_int_equal(turn(p), PEER_REST);
	assert_int_equal(peer_look(p, clock_ms() + 1000), PEER_REST);
	assert_int_equal(peer_look(p, clock_ms() + MINUTE_MS), PEER_GONE);
	finish(p);
}

static void
test_hang_up(void **state)
{
	struct peer *p = begin();

	(void)state;
	send_bytes(offer, OFFER);
	send_bytes(mail, MAIL);
	hang_up();
	p->ended = true; /* as epoll tells */
	assert_int_equal(turn(p), PEER_GONE);
	assert_int_equal(nmail, 1);
	assert_int_equal(naborts, 1);
	assert_int_equal(nclosed, 1);
	finish(p);
}

static void
test_lies(void **state)
{
	static const char *const lengths[] = { "\0\0\0\0M", "\0\4\0\1M",
		"\177\377\377\377M", "\377\377\377\377M" };

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(lengths); i++) {
		struct peer *p = begin();

		send_bytes(offer, OFFER);
		send_bytes(mail, MAIL);
		send_bytes(lengths[i], 5);
		assert_int_equal(turn(p), PEER_GONE);
		assert_int_equal(naborts, 1);
		assert_int_equal(nclosed, 1);
		finish(p);
	}
}

/* A packet that is announced takes memory only as its bytes come. */
static void
test_announced(void **state)
{
	static char bytes[65536];
	struct peer *p = begin();
	size_t sent = 5;

	(void)state;
	send_bytes(offer, OFFER);
	send_bytes("\0\4\0\0M", 5);
	assert_int_equal(turn(p), PEER_REST);
	assert_true(p->room <= 8192);
	memset(bytes, 'x', sizeof bytes);
	while (sent < PACKET_MAX + 3) {
		size_t n = PACKET_MAX + 3 - sent;

		send_bytes(bytes, n < sizeof bytes ? n : sizeof bytes);
		sent += n < sizeof bytes ? n : sizeof bytes;
		assert_int_equal(turn(p), PEER_REST);
		assert_true(p->room <= 2 * PACKET_MAX);
	}
	assert_int_equal(nmail, 0);
	send_bytes("", 1);
	assert_int_equal(turn(p), PEER_REST);
	assert_int_equal(nmail, 1);
	assert_null(p->rest);
	finish(p);
}

static void
test_parked(void **state)
{
	struct peer *p = begin();
	char answers[64];

	(void)state;
	parking = true;
	send_bytes(offer, OFFER);
	send_bytes(mail, MAIL);
	send_bytes(mail, MAIL);
	assert_int_equal(turn(p), PEER_PARKED);
	assert_int_equal(nmail, 1);
	/* The answer to the negotiation alone. */
	assert_true(receive(answers, sizeof answers) > 5);
	assert_int_equal(turn(p), PEER_PARKED);
	assert_int_equal(peer_look(p, clock_ms() + HOURS_MS), PEER_REST);
	hang_up();
	/*
	 * Packets that had come are still taken, in their order; then the peer
	 * is gone.
	 */
	assert_int_equal(peer_settle(p, &scratch), PEER_GONE);
	assert_int_equal(nclosed, 1);
	finish(p);

	p = begin();
	send_bytes(offer, OFFER);
	send_bytes(mail, MAIL);
	send_bytes(mail, MAIL);
	assert_int_equal(turn(p), PEER_PARKED);
	assert_true(receive(answers, sizeof answers) > 5);
	assert_int_equal(peer_settle(p, &scratch), PEER_AGAIN);
	assert_int_equal(receive(answers, sizeof answers), 5);
	assert_int_equal(turn(p), PEER_PARKED);
	assert_int_equal(nmail, 2);
	assert_int_equal(peer_settle(p, &scratch), PEER_AGAIN);
	parking = false;
	assert_int_equal(turn(p), PEER_REST);
	assert_int_equal(receive(answers, sizeof answers), 5);
	finish(p);
}

/* Ten packets, cut in the middle of one, and answers that are left unread. */
static enum peer_next
hold_short(struct peer *p)
{
	static const char two[] = "\0\0\0\5M<a>\0\0\0\0\5M<a>\0";
	enum peer_next next = PEER_REST;

	send_bytes(offer, OFFER);
	next = turn(p);
	for (int i = 0; next != PEER_GONE && i < 5; i++) {
		send_bytes(two, MAIL + 3);
		if ((next = turn(p)) == PEER_GONE)
			break;
		send_bytes(two + MAIL + 3, MAIL - 3);
		next = turn(p);
	}
	return next;
}

/*
 * A call fails, once or from then on: every message is told as aborted and the
 * session as closed, or the MTA has an answer to each.
 */
static void
test_calls(void **state)
{
	static const int errors[] = { ENOMEM, EAGAIN, EPIPE };

	(void)state;
	for (size_t e = 0; e < UNIT_COUNT(errors); e++)
		for (int onward = 0; onward < 2; onward++) {
			long n = 0, calls;

			do {
				struct peer *p = begin();
				enum peer_next next;
				char answers[512];

				n++;
				nth_arm(e == 0 ? "memory" : "send", n,
				    onward ? LONG_MAX : n, errors[e]);
				next = hold_short(p);
				calls = nth_disarm();
				if (next != PEER_GONE)
					next = turn(p);
				unit_number("ended", next == PEER_GONE,
				    nclosed == 1);
				if (next != PEER_GONE)
					unit_number("answered",
					    NEGOTIATED + 10 * ANSWER,
					    (long long)receive(answers,
					    sizeof answers));
				finish(p);
			} while (calls >= n);
			assert_in_range(n, 3, 100);
		}
	unit_end();
}

/* Errors of system calls after which the connection goes on. */
static void
test_kept(void **state)
{
	static const struct {
		const char *call;
		int error;
		enum peer_next next;
	} rows[] = {
		{ "send", EINTR, PEER_REST }, { "send", EAGAIN, PEER_REST },
		{ "send", ENOBUFS, PEER_REST }, { "send", ENOMEM, PEER_REST },
		{ "recv", EINTR, PEER_REST }, { "recv", EAGAIN, PEER_REST },
		{ "send", EPIPE, PEER_GONE }, { "send", ECONNRESET, PEER_GONE },
		{ "recv", ECONNRESET, PEER_GONE }, { "recv", EIO, PEER_GONE },
		{ "calloc", ENOMEM, PEER_REST },
	};

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		struct peer *p = begin();
		enum peer_next next;

		send_bytes(offer, OFFER);
		nth_arm(rows[i].call, 1, 1, rows[i].error);
		next = turn(p);
		(void)nth_disarm();
		for (int again = 0; next != PEER_GONE && again < 2; again++)
			next = turn(p);
		unit_number(rows[i].call, rows[i].next, next);
		unit_number("closed", next == PEER_GONE, nclosed);
		finish(p);
	}
	nth_arm("calloc", 1, 1, ENOMEM);
	assert_null(peer_new(-1, &callbacks, 0));
	(void)nth_disarm();
	unit_end();
}

/*
 * Without memory for an answer that is not sent, or a packet that is not whole,
 * the connection ends.
 */
static void
test_unkept(void **state)
{
	static const char *const reasons[] = { "an answer", "a packet" };

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(reasons); i++) {
		struct peer *p = begin();

		send_bytes(offer, OFFER);
		assert_int_equal(turn(p), PEER_REST);
		if (i == 0) {
			send_bytes(mail, MAIL);
			nth_arm("send", 1, LONG_MAX, EAGAIN);
			assert_int_equal(turn(p), PEER_SENDS);
			send_bytes(mail, MAIL);
			(void)nth_disarm();
		} else {
			send_bytes(mail, MAIL - 1);
		}
		nth_arm("memory", 1, LONG_MAX, ENOMEM);
		unit_number(reasons[i], i == 0 ? PEER_REST : PEER_GONE,
		    turn(p));
		(void)nth_disarm();
		unit_number("closed", i == 0 ? 0 : 1, nclosed);
		finish(p);
	}
	unit_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_kept),
		cmocka_unit_test(test_unkept),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_slow_reader),
		cmocka_unit_test(test_turns),
		cmocka_unit_test(test_heavy),
		cmocka_unit_test(test_silence),
		cmocka_unit_test(test_hang_up),
		cmocka_unit_test(test_lies),
		cmocka_unit_test(test_announced),
		cmocka_unit_test(test_parked),
	};
	int failed = unit_main(tests);

	free(scratch.out.bytes);
	return failed;
}
