/*
 * One recv(2) and one send(2) for a command: an MTA writes a command with its
 * macros at once, or nearly.  What has come of a packet that is not whole is
 * kept in memory that grows with it, not by the length that it announces.
 *
 * Who may hold a quarter of a megabyte in half a packet, and more in macros, can
 * do so in thousands of connections: beyond LIGHT they share HEAVY_MAX.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "milter/engine/peer.h"
#include "milter/engine/trouble.h"
#include "policy/policy.h"

enum {
	READS_MAX = 8,	  /* in one turn */
	PACKETS_MAX = 64, /* likewise: half a millisecond of judging */
	ROOM_FIRST = 4096,
	IDLE_MS = 7210 * 1000, /* libmilter's; RFC 5321 knows 10 minutes */
	STUCK_MS = 60 * 1000,  /* within a packet or an answer */
	LIGHT = 16 * 1024, HEAVY_MAX = 64 * 1024 * 1024
};

static _Atomic size_t heavy; /* of all peers */

struct peer *
peer_new(int fd, const struct context_callbacks *callbacks, int64_t now_ms)
{
	struct peer *p = calloc(1, sizeof *p);

	if (p == NULL)
		return NULL;
	context_init(&p->ctx, callbacks);
	p->fd = fd;
	p->since_ms = now_ms;
	return p;
}

void
peer_free(struct peer *p)
{
	atomic_fetch_sub(&heavy, p->heavy);
	context_free(&p->ctx);
	free(p->rest);
	free(p->unsent);
	close(p->fd);
	free(p);
}

/* Tells the callbacks of the end; a parked session is not gone yet. */
static enum peer_next
end(struct peer *p)
{
	if (p->ctx.over)
		return PEER_GONE;
	return talk_end(&p->ctx) == TALK_PARKED ? PEER_PARKED : PEER_GONE;
}

static enum peer_next
break_off(struct peer *p, const char *why)
{
	trouble_tell(why);
	return end(p);
}

/* Sends some bytes and returns how many; -1: the other side is gone. */
static ssize_t
send_some(int fd, const char *bytes, size_t n)
{
	ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (sent >= 0)
		return sent;
	return errno == EAGAIN || errno == EINTR || errno == ENOBUFS ||
	    errno == ENOMEM ? 0 : -1;
}

/*
 * Keeps bytes that could not be sent, behind those that wait.  False: no
 * memory.
 */
static bool
keep_unsent(struct peer *p, struct slice left)
{
	char *more = realloc(p->unsent, p->nunsent + left.n);

	if (more == NULL)
		return false;
	memcpy(more + p->nunsent, left.p, left.n);
	p->unsent = more;
	p->nunsent += left.n;
	return true;
}

/* False: the peer is gone, or cannot be answered. */
static bool
send_answers(struct peer *p, struct packet_buffer *out)
{
	struct slice left = slice_make(out->bytes, out->n);
	ssize_t sent = 0;

	out->n = 0;
	if (left.n > 0 && p->nunsent == 0)
		sent = send_some(p->fd, left.p, left.n);
	if (sent < 0)
		return false;
	left = slice_from(left, (size_t)sent);
	return left.n == 0 || keep_unsent(p, left);
}

static bool
send_unsent(struct peer *p)
{
	ssize_t sent = send_some(p->fd, p->unsent, p->nunsent);

	if (sent < 0)
		return false;
	if (sent > 0)
		p->since_ms = clock_ms();
	p->nunsent -= (size_t)sent;
	memmove(p->unsent, p->unsent + sent, p->nunsent);
	if (p->nunsent == 0) {
		free(p->unsent);
		p->unsent = NULL;
	}
	return true;
}

/*
 * Whole packets from the front of these bytes, which are cut off, until there
 * is none, the session has to wait, or it is the others' turn.
 */
static enum talk
say(struct peer *p, struct slice *bytes, struct peer_scratch *scratch)
{
	struct packet packet;
	enum talk result = TALK_ON;
	size_t used;

	while (result == TALK_ON && scratch->out.n < PEER_BUFFER &&
	    scratch->packets > 0)
		switch (packet_read(*bytes, &packet, &used)) {
		case PACKET_PARTIAL:
			return TALK_ON;
		case PACKET_BAD:
			p->ctx.why = "a packet without a possible length";
			return TALK_BROKEN;
		case PACKET_WHOLE:
			*bytes = slice_from(*bytes, used);
			scratch->packets--;
			result = talk_packet(&p->ctx, &packet, &scratch->out);
			break;
		}
	return result;
}

/* Room for more behind what is kept. */
static bool
make_room(struct peer *p, size_t n)
{
	size_t room = p->room == 0 ? ROOM_FIRST : p->room;
	char *more;

	while (room < p->nrest + n)
		room *= 2;
	if (room == p->room)
		return true;
	more = realloc(p->rest, room);
	if (more == NULL)
		return false;
	p->rest = more;
	p->room = room;
	return true;
}

/* False: no memory. */
static bool
keep(struct peer *p, struct slice rest)
{
	if (rest.n == 0) {
		free(p->rest);
		p->rest = NULL;
		p->nrest = p->room = 0;
		return true;
	}
	if (p->rest != NULL) {
		if (rest.p != p->rest)
			memmove(p->rest, rest.p, rest.n);
		p->nrest = rest.n;
		return true;
	}
	if (!make_room(p, rest.n))
		return false;
	memcpy(p->rest, rest.p, rest.n);
	p->nrest = rest.n;
	return true;
}

/* Takes these bytes; PEER_REST: more can be read. */
static enum peer_next
take(struct peer *p, struct slice bytes, struct peer_scratch *scratch)
{
	enum talk result;
	bool good, full;

	do {
		result = say(p, &bytes, scratch);
		full = scratch->out.n >= PEER_BUFFER;
		good = send_answers(p, &scratch->out);
	} while (full && good && result == TALK_ON && p->nunsent == 0);
	scratch->out.lost = false;
	if (result == TALK_OVER)
		return PEER_GONE;
	if (result == TALK_BROKEN)
		return break_off(p, p->ctx.why);
	if (!keep(p, bytes))
		return break_off(p, "no memory for a packet");
	if (result == TALK_PARKED)
		return PEER_PARKED; /* a peer that is gone is seen then */
	if (!good)
		return end(p);
	return p->nunsent > 0 ? PEER_SENDS : scratch->packets == 0 ?
	    PEER_AGAIN : PEER_REST;
}

static struct slice
kept(const struct peer *p)
{
	return slice_make(p->rest, p->nrest);
}

/* Some bytes more; PEER_AGAIN: perhaps there are others behind them. */
static enum peer_next
read_more(struct peer *p, struct peer_scratch *scratch)
{
	char *to = scratch->in;
	size_t room = sizeof scratch->in;
	enum peer_next result;
	ssize_t n;

	if (p->rest != NULL) {
		if (!make_room(p, ROOM_FIRST))
			return break_off(p, "no memory for a packet");
		to = p->rest + p->nrest;
		room = p->room - p->nrest;
	}
	n = recv(p->fd, to, room, MSG_DONTWAIT);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return errno == EINTR ? PEER_AGAIN : PEER_REST;
	if (n <= 0)
		return end(p);
	p->since_ms = clock_ms();
	if (p->rest != NULL) {
		p->nrest += (size_t)n;
		result = take(p, kept(p), scratch);
	} else {
		result = take(p, slice_make(to, (size_t)n), scratch);
	}
	/*
	 * The end of the stream came with the bytes, and no event tells of it
	 * again.
	 */
	return result == PEER_REST && (p->ended || (size_t)n == room) ?
	    PEER_AGAIN : result;
}

static enum peer_next
turn(struct peer *p, struct peer_scratch *scratch)
{
	enum peer_next result = PEER_AGAIN;

	scratch->packets = PACKETS_MAX;
	if (p->ctx.parked)
		return PEER_PARKED;
	if (p->nunsent > 0 && !send_unsent(p))
		return end(p);
	if (p->nunsent > 0)
		return PEER_SENDS;
	/*
	 * Bytes that came while the session was parked, or behind many answers.
	 */
	if (p->rest != NULL)
		result = take(p, kept(p), scratch);
	if (result != PEER_REST && result != PEER_AGAIN)
		return result;
	for (int i = 0; i < READS_MAX && scratch->packets > 0; i++)
		if ((result = read_more(p, scratch)) != PEER_AGAIN)
			return result;
	return PEER_AGAIN;
}

/*
 * False: the peer holds more than others may, and all together hold too much.
 */
static bool
is_bearable(struct peer *p)
{
	size_t bytes = p->room + p->nunsent + symbols_bytes(&p->ctx.symbols);
	size_t now = bytes > LIGHT ? bytes - LIGHT : 0, before = p->heavy;

	p->heavy = now;
	if (now <= before) {
		atomic_fetch_sub(&heavy, before - now);
		return true;
	}
	now -= before;
	return atomic_fetch_add(&heavy, now) + now <= HEAVY_MAX;
}

enum peer_next
peer_turn(struct peer *p, struct peer_scratch *scratch)
{
	enum peer_next result = turn(p, scratch);

	if (result == PEER_GONE || result == PEER_PARKED || is_bearable(p))
		return result;
	return break_off(p, "it holds much, and all together too much");
}

enum peer_next
peer_settle(struct peer *p, struct peer_scratch *scratch)
{
	enum talk result = talk_settled(&p->ctx, &scratch->out);
	bool good = p->ctx.over || send_answers(p, &scratch->out);

	scratch->out.n = 0;
	scratch->out.lost = false;
	if (result == TALK_OVER)
		return PEER_GONE;
	if (result == TALK_BROKEN)
		return break_off(p, p->ctx.why);
	if (result == TALK_PARKED)
		return PEER_PARKED;
	if (!good)
		return end(p);
	return p->nunsent > 0 ? PEER_SENDS : PEER_AGAIN;
}

enum peer_next
peer_look(struct peer *p, int64_t now_ms)
{
	bool within = p->rest != NULL || p->nunsent > 0;

	if (p->ctx.parked || p->ctx.over)
		return PEER_REST;
	if (now_ms - p->since_ms < (within ? STUCK_MS : IDLE_MS))
		return PEER_REST;
	return break_off(p, within ? "nothing came for a minute within a packet "
	    "or an answer" : "nothing came for two hours");
}
