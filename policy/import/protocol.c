/*
 * Postfix's lists of TLS versions.  A rule has one word for them, VER: the lowest.
 */
#include "policy/import/postfix-internal.h"

static const char *const protocols[] = { "TLSv1", "TLSv1.1", "TLSv1.2",
	"TLSv1.3" };
enum { PROTOCOLS = 4 };

static int
protocol_number(struct slice word)
{
	for (int i = 0; i < PROTOCOLS; i++)
		if (slice_is_nocase(word, protocols[i]))
			return i;
	return slice_starts_nocase(word, "SSL") ? -1 : PROTOCOLS;
}

/* The lowest version when the list leaves it and all later ones; else -1. */
int
import_least_protocol(struct slice list)
{
	bool out[PROTOCOLS] = { false };
	struct slice word;
	int least = 0, i;

	while (slice_next_of(&list, ":, \t", &word)) {
		bool at_least = slice_starts_nocase(word, ">=");

		if (word.n == 0)
			continue;
		if (!at_least && word.p[0] != '!')
			return -1;
		i = protocol_number(slice_from(word, at_least ? 2 : 1));
		if (i == PROTOCOLS)
			return -1;
		if (!at_least && i >= 0)
			out[i] = true;
		for (int k = 0; at_least && k < i; k++)
			out[k] = true;
	}
	while (least < PROTOCOLS && out[least])
		least++;
	for (i = least; i < PROTOCOLS; i++)
		if (out[i])
			return -1;
	return least == PROTOCOLS ? -1 : least;
}
