/*
 * Numbers and names of members are those of libtlsrpt 0.5, tlsrpt.h and
 * libtlsrpt.c ("Index of json keys").
 */
#include <string.h>

#include "policy/audit/scan.h"
#include "policy/audit/tlsrpt.h"

struct word {
	uint64_t code;
	const char *word;
};

/* RFC 8460 4.3 in the first rows; the last one is the library's own. */
static const struct word types[] = {
	{ 201, "starttls-not-supported" },
	{ 202, "certificate-host-mismatch" },
	{ 203, "certificate-not-trusted" },
	{ 204, "certificate-expired" },
	{ 205, "validation-failure" },
	{ 301, "sts-policy-fetch-error" },
	{ 302, "sts-policy-invalid" },
	{ 303, "sts-webpki-invalid" },
	{ 304, "tlsa-invalid" },
	{ 305, "dnssec-invalid" },
	{ 306, "dane-required" },
	{ 901, "unfinished-policy" },
	{ 0, NULL }
};

static const struct word policies[] = {
	{ 1, "tlsa" }, { 2, "sts" }, { 9, "no-policy-found" }, { 0, NULL }
};

static const char *
find_word(const struct word *words, uint64_t code)
{
	while (words->word != NULL && words->code != code)
		words++;
	return words->word;
}

static bool
take_string(struct scan *s, struct slice *value)
{
	const char *at = s->p;

	if (!scan_string(s, value))
		return false;
	if (value->n <= TLSRPT_STRING_MAX)
		return true;
	s->p = at;
	return scan_fail(s, "a string of at most 384 bytes");
}

/* A whole EHLO reply comes here: its first line has the name. */
static bool
take_helo(struct scan *s, struct slice *value)
{
	if (!scan_string(s, value))
		return false;
	for (size_t i = 0; i < value->n; i++)
		if (value->p[i] == '\r' || value->p[i] == '\n' ||
		    i == TLSRPT_STRING_MAX)
			value->n = i;
	return true;
}

static bool
take_code(struct scan *s, const struct word *words, const char **word)
{
	const char *at = s->p;
	uint64_t code;

	if (!scan_number(s, &code))
		return false;
	*word = find_word(words, code);
	if (*word != NULL)
		return true;
	s->p = at;
	return scan_fail(s, words == types ? "a code of a failure" :
	    "a type of policy");
}

static bool
parse_failure(struct scan *s, struct tlsrpt_failure *f)
{
	struct slice name;
	bool first = true;

	memset(f, 0, sizeof *f);
	if (!scan_object(s))
		return false;
	while (scan_member(s, &first, &name))
		if (!(slice_is(name, "c") ? take_code(s, types, &f->type) :
		    slice_is(name, "s") ? take_string(s, &f->sender_addr) :
		    slice_is(name, "n") ? take_string(s, &f->server) :
		    slice_is(name, "h") ? take_helo(s, &f->helo) :
		    slice_is(name, "r") ? take_string(s, &f->addr) :
		    slice_is(name, "a") ? take_string(s, &f->more) :
		    slice_is(name, "f") ? take_string(s, &f->reason) :
		    scan_skip(s)))
			return false;
	return s->error == NULL && (f->type != NULL ||
	    scan_fail(s, "the code of a failure, \"c\""));
}

static bool
parse_failures(struct scan *s, struct tlsrpt_policy *p)
{
	bool first = true;

	p->nfailures = 0;
	if (!scan_array(s))
		return false;
	while (scan_element(s, &first)) {
		if (p->nfailures == TLSRPT_FAILURES_MAX)
			return scan_fail(s, "at most 4 failures of a policy");
		if (!parse_failure(s, &p->failures[p->nfailures]))
			return false;
		p->nfailures++;
	}
	return s->error == NULL;
}

static bool
take_result(struct scan *s, struct tlsrpt_policy *p, bool *told)
{
	const char *at = s->p;
	uint64_t result;

	if (!scan_number(s, &result))
		return false;
	p->failed = result == 1;
	*told = true;
	if (result <= 1)
		return true;
	s->p = at;
	return scan_fail(s, "0 or 1");
}

static bool
parse_policy(struct scan *s, struct tlsrpt_policy *p)
{
	struct slice name;
	bool first = true, told = false;

	memset(p, 0, sizeof *p);
	if (!scan_object(s))
		return false;
	while (scan_member(s, &first, &name))
		if (!(slice_is(name, "policy-type") ?
		    take_code(s, policies, &p->type) :
		    slice_is(name, "policy-domain") ?
		    take_string(s, &p->domain) :
		    slice_is(name, "failure-details") ?
		    parse_failures(s, p) :
		    slice_is(name, "f") ? take_result(s, p, &told) :
		    scan_skip(s)))
			return false;
	return s->error == NULL && ((told && p->type != NULL) ||
	    scan_fail(s, "\"policy-type\" and \"f\" of a policy"));
}

static bool
parse_policies(struct scan *s, struct tlsrpt *t)
{
	bool first = true;

	t->npolicies = 0;
	if (!scan_array(s))
		return false;
	while (scan_element(s, &first)) {
		if (t->npolicies == TLSRPT_POLICIES_MAX)
			return scan_fail(s, "at most 4 policies");
		if (!parse_policy(s, &t->policies[t->npolicies]))
			return false;
		t->npolicies++;
	}
	return s->error == NULL;
}

/* Version 0.5.0 of the library, Debian 13's, says none. */
static bool
take_version(struct scan *s)
{
	const char *at = s->p;
	struct slice version;

	if (!scan_string(s, &version))
		return false;
	if (slice_is(version, "1"))
		return true;
	s->p = at;
	return scan_fail(s, "version 1 of the protocol");
}

bool
tlsrpt_parse(struct slice datagram, struct arena *memory, struct tlsrpt *t,
    const char **expected, size_t *at)
{
	struct slice name;
	bool first = true;
	struct scan s;

	memset(t, 0, sizeof *t);
	scan_init(&s, datagram, memory);
	if (scan_object(&s))
		while (scan_member(&s, &first, &name))
			if (!(slice_is(name, "dpv") ? take_version(&s) :
			    slice_is(name, "d") ? take_string(&s, &t->domain) :
			    slice_is(name, "policies") ?
			    parse_policies(&s, t) : scan_skip(&s)))
				break;
	if (s.error == NULL && scan_end(&s) && (t->domain.n == 0 ||
	    t->npolicies == 0))
		scan_fail(&s, "\"d\" and \"policies\"");
	*expected = s.error;
	*at = (size_t)(s.p - datagram.p);
	return s.error == NULL;
}
