/* Postfix: the words for a peer and its TLS, the same in both directions. */
#include "policy/maillog/maillog-internal.h"

static bool
take_digits(struct slice *s)
{
	size_t n = 0;

	while (n < s->n && s->p[n] >= '0' && s->p[n] <= '9')
		n++;
	*s = slice_from(*s, n);
	return n > 0;
}

/* "mx.example.com[192.0.2.1]", with the setting for it ":12345". */
bool
maillog_postfix_peer(struct slice *s, struct session *to)
{
	size_t open = slice_find(*s, '['), close = slice_find(*s, ']');
	struct slice name = slice_make(s->p, open);

	if (open == 0 || close == s->n || close < open + 2 ||
	    slice_find(name, ' ') < open ||
	    !sessions_copy(to->name, sizeof to->name, name) ||
	    !sessions_copy(to->addr, sizeof to->addr,
	    slice_make(s->p + open + 1, close - open - 1)))
		return false;
	*s = slice_from(*s, close + 1);
	if (s->n > 1 && s->p[0] == ':' && s->p[1] >= '0' && s->p[1] <= '9') {
		*s = slice_from(*s, 1);
		take_digits(s);
	}
	return true;
}

/* "Trusted " and what it says of the certificate. */
bool
maillog_postfix_trust(struct slice *s, const char **verify)
{
	static const char *const words[][2] = { { "Anonymous ", "NO-OR-FAIL" },
		{ "Untrusted ", "NO-OR-FAIL" }, { "Trusted ", "OK" },
		{ "Verified ", "OK" } };

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (maillog_take(s, words[i][0])) {
			*verify = words[i][1];
			return true;
		}
	return false;
}

/* ": TLSv1.3 with cipher X (256/256 bits)", behind " to NAME" the same. */
bool
maillog_postfix_suite(struct slice s, struct session *to)
{
	static const char with[] = " with cipher ";
	struct slice version, cipher, bits;
	size_t n;

	if (maillog_take(&s, " to "))
		s = slice_from(s, slice_find(s, ':'));
	if (!maillog_take(&s, ": "))
		return false;
	n = slice_find(s, ' ');
	version = slice_make(s.p, n);
	s = slice_from(s, n);
	if (n == 0 || !maillog_take(&s, with))
		return false;
	n = slice_find(s, ' ');
	cipher = slice_make(s.p, n);
	s = slice_from(s, n);
	if (n == 0 || !maillog_take(&s, " ("))
		return false;
	bits = slice_make(s.p, slice_find(s, '/'));
	return take_digits(&s) && maillog_take(&s, "/") && take_digits(&s) &&
	    maillog_take(&s, " bits)") &&
	    sessions_copy(to->version, sizeof to->version, version) &&
	    sessions_copy(to->cipher, sizeof to->cipher, cipher) &&
	    sessions_copy(to->bits, sizeof to->bits, bits);
}
