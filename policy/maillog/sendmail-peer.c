/* sendmail: the words for a peer and its TLS, the same in both directions. */
#include "policy/maillog/maillog-internal.h"

/* "mx.example.com [192.0.2.1]", "[192.0.2.1]", "ident@mx [1.2.3.4] (may ...)" */
bool
maillog_sendmail_relay(struct slice s, struct session *to)
{
	static const char forged[] = " (may be forged)";
	size_t open, at, n = sizeof forged - 1;
	struct slice addr;

	if (s.n > n && memcmp(s.p + s.n - n, forged, n) == 0) {
		to->forged = true;
		s.n -= n;
	}
	open = maillog_find_last(s, "[");
	if (open == s.n || s.p[s.n - 1] != ']')
		return false;
	addr = slice_make(s.p + open + 1, s.n - open - 2);
	if (addr.n == 0 || !sessions_copy(to->addr, sizeof to->addr, addr))
		return false;
	if (open == 0 || s.p[open - 1] != ' ')
		return sessions_copy(to->name, sizeof to->name,
		    slice_from(s, open));
	for (at = open - 1; at > 0 && s.p[at - 1] != '@' &&
	    s.p[at - 1] != ' ' && s.p[at - 1] != '='; at--)
		;
	return at < open - 1 && sessions_copy(to->name, sizeof to->name,
	    slice_make(s.p + at, open - 1 - at));
}

/* "version=TLSv1.3, verify=OK, cipher=X, bits=256/256" */
bool
maillog_sendmail_suite(struct slice s, struct session *to)
{
	struct slice version, verify, cipher, bits;

	if (!maillog_take_value(&s, "version=", &version) ||
	    !maillog_take_value(&s, ", verify=", &verify) ||
	    !maillog_take_value(&s, ", cipher=", &cipher) ||
	    !maillog_take_value(&s, ", bits=", &bits))
		return false;
	bits.n = slice_find(bits, '/');
	return version.n > 0 && verify.n > 0 && cipher.n > 0 && bits.n > 0 &&
	    sessions_copy(to->version, sizeof to->version, version) &&
	    sessions_copy(to->verify, sizeof to->verify, verify) &&
	    sessions_copy(to->cipher, sizeof to->cipher, cipher) &&
	    sessions_copy(to->bits, sizeof to->bits, bits);
}
