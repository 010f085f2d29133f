#include "policy/sync/cookie.h"

enum { SERVERS_MAX = 64 };

struct newest {
	struct slice csn[SERVERS_MAX]; /* of one server each */
	size_t n;
	bool many; /* more than there is room for */
};

/* TIME#count#SERVER#mod */
static struct slice
server_of(struct slice csn)
{
	struct slice time, count, server;

	if (!slice_next(&csn, '#', &time) || !slice_next(&csn, '#', &count) ||
	    !slice_next(&csn, '#', &server))
		return slice_make("", 0);
	return server;
}

/* The words of a CSN have fixed widths, so that their order is that of bytes. */
static void
add(struct newest *all, struct slice csn)
{
	struct slice server = server_of(csn);

	if (server.n == 0)
		return;
	for (size_t i = 0; i < all->n; i++)
		if (slice_equal(server_of(all->csn[i]), server)) {
			if (slice_compare(all->csn[i], csn) < 0)
				all->csn[i] = csn;
			return;
		}
	all->many |= all->n == SERVERS_MAX;
	if (all->n < SERVERS_MAX)
		all->csn[all->n++] = csn;
}

/* OpenLDAP's: it has words of its own alone, and csn= among them. */
static bool
is_known(struct slice cookie)
{
	static const char *const words[] = { "rid=", "sid=", "delcsn=" };
	struct slice word;
	bool found = false;

	while (slice_next(&cookie, ',', &word)) {
		bool known = slice_starts_nocase(word, "csn=");

		found |= known;
		for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
			known |= slice_starts_nocase(word, words[i]);
		if (!known)
			return false;
	}
	return found;
}

/* False: a cookie of another server than OpenLDAP. */
static bool
add_all(struct newest *all, struct slice cookie)
{
	struct slice word, csn;

	if (!is_known(cookie))
		return false;
	while (slice_next(&cookie, ',', &word)) {
		if (!slice_starts_nocase(word, "csn="))
			continue;
		word = slice_from(word, 4);
		while (slice_next(&word, ';', &csn))
			add(all, csn);
	}
	return true;
}

void
cookie_merge(struct text *known, struct slice news)
{
	char merged[COOKIE_MAX];
	struct newest all = { .n = 0 };
	struct text out;

	text_init(&out, merged, sizeof merged);
	if (news.n == 0)
		return;
	if (!add_all(&all, news)) {
		text_put(&out, news);
	} else {
		add_all(&all, slice_make(known->buf, known->n));
		text_puts(&out, "rid=000");
		for (size_t i = 0; i < all.n; i++)
			text_printf(&out, "%s%.*s", i == 0 ? ",csn=" : ";",
			    SLICE_ARG(all.csn[i]));
	}
	/* Half of a cookie would be believed: none is better. */
	text_clear(known);
	if (!out.cut && !all.many)
		text_put(known, slice_make(out.buf, out.n));
	if (known->cut)
		text_clear(known);
}

size_t
cookie_filter(struct slice cookie, struct text *filter)
{
	struct newest all = { .n = 0 };

	add_all(&all, cookie);
	text_puts(filter, "(|");
	for (size_t i = 0; i < all.n; i++) {
		text_puts(filter, "(entryCSN=");
		/*
		 * In hex, so that no byte of the value means anything to the
		 * filter.
		 */
		for (size_t at = 0; at < all.csn[i].n; at++)
			text_printf(filter, "\\%02x",
			    (unsigned char)all.csn[i].p[at]);
		text_puts(filter, ")");
	}
	text_puts(filter, ")");
	return all.n;
}
