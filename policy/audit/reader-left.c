/* Members of records of mail that left, and of TLS with a server. */
#include "policy/audit/reader-internal.h"

/* "server": a delivery has it; no message that came in has one. */
bool
parse_server(struct parse *p)
{
	struct slice name;
	bool first = true;

	if (!scan_object(&p->scan))
		return false;
	while (scan_member(&p->scan, &first, &name))
		if (!(slice_is(name, "name") ?
		    parse_fact(p, FACT_SERVER_NAME, FIELD_TEXT) :
		    slice_is(name, "addr") ?
		    parse_fact(p, FACT_SERVER_ADDR, FIELD_TEXT) :
		    slice_is(name, "matched") ?
		    scan_bool(&p->scan, &p->r->matched) :
		    scan_skip(&p->scan)))
			return false;
	return p->scan.error == NULL;
}

bool
parse_domain(struct parse *p)
{
	return scan_string(&p->scan, &p->r->handshake.domain);
}

bool
parse_policy_type(struct parse *p)
{
	return scan_string_or_null(&p->scan, &p->r->handshake.policy_type);
}

static const char *
outcome_word(int i)
{
	return i == 0 ? "success" : "failure";
}

bool
parse_outcome(struct parse *p)
{
	int value;

	if (!parse_word(p, outcome_word, 2, &value))
		return false;
	p->r->handshake.failed = value == 1;
	return p->has_outcome = true;
}

static bool
parse_failed_server(struct parse *p, struct reader_handshake *h)
{
	struct slice name;
	bool first = true;

	if (!scan_object(&p->scan))
		return false;
	while (scan_member(&p->scan, &first, &name))
		if (!(slice_is(name, "name") ?
		    scan_string_or_null(&p->scan, &h->server) :
		    slice_is(name, "addr") ?
		    scan_string_or_null(&p->scan, &h->addr) :
		    scan_skip(&p->scan)))
			return false;
	return p->scan.error == NULL;
}

static bool
parse_failure(struct parse *p, struct reader_handshake *h)
{
	struct slice name;
	bool first = true;

	if (!scan_object(&p->scan))
		return false;
	while (scan_member(&p->scan, &first, &name))
		if (!(slice_is(name, "result_type") ?
		    scan_string(&p->scan, &h->result_type) :
		    slice_is(name, "reason") ?
		    scan_string_or_null(&p->scan, &h->reason) :
		    slice_is(name, "server") ? parse_failed_server(p, h) :
		    scan_skip(&p->scan)))
			return false;
	return p->scan.error == NULL;
}

/* "failures": the first one is kept. */
bool
parse_failures(struct parse *p)
{
	bool first = true;

	if (!scan_array(&p->scan))
		return false;
	while (scan_element(&p->scan, &first)) {
		struct reader_handshake other = { .failed = true };

		if (!parse_failure(p, p->r->handshake.result_type.n == 0 ?
		    &p->r->handshake : &other))
			return false;
	}
	return p->scan.error == NULL;
}
