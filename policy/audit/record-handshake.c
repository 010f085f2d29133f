/*
 * What Postfix tells has names and replies of servers in it: strings are
 * escaped like everything from outside.  What it does not tell is left out.
 */
#include "policy/audit/chain.h"
#include "policy/audit/record-handshake.h"
#include "policy/base/jsonput.h"

#define PUT(j, literal) JSONPUT_LITERAL(j, literal)

/*
 * A member, if Postfix told it; `intro` is the comma, the name and the colon.
 */
static void
put_told(struct jsonput *j, const char *intro, struct slice value)
{
	if (value.p == NULL)
		return;
	jsonput_slice(j, slice_of(intro));
	jsonput_string(j, value);
}

static void
put_server(struct jsonput *j, struct slice name, struct slice addr)
{
	if (name.p == NULL && addr.p == NULL)
		return;
	PUT(j, ",\"server\":{\"name\":");
	jsonput_string(j, name.p == NULL ? slice_make("", 0) : name);
	put_told(j, ",\"addr\":", addr);
	PUT(j, "}");
}

static void
put_failure(struct jsonput *j, const struct tlsrpt_failure *f)
{
	PUT(j, "{\"result_type\":");
	jsonput_string(j, slice_of(f->type));
	put_server(j, f->server, f->addr);
	put_told(j, ",\"helo\":", f->helo);
	put_told(j, ",\"sender_addr\":", f->sender_addr);
	put_told(j, ",\"reason\":", f->reason);
	put_told(j, ",\"more\":", f->more);
	PUT(j, "}");
}

bool
record_handshake_format(const struct record_handshake *r, struct text *out)
{
	const struct tlsrpt_policy *p = r->policy;
	struct jsonput put, *j = &put;

	jsonput_start(j, out);
	PUT(j, CHAIN_START "\"handshake\",\"time\":");
	jsonput_time(j, r->time_us);
	if (r->maillog)
		PUT(j, ",\"source\":\"maillog\"");
	put_told(j, ",\"node\":", r->node);
	put_told(j, ",\"mta\":", r->mta);
	put_told(j, ",\"queue_id\":", r->queue_id);
	PUT(j, ",\"domain\":");
	jsonput_string(j, r->domain);
	if (p->type != NULL)
		put_told(j, ",\"policy_type\":", slice_of(p->type));
	put_told(j, ",\"policy_domain\":", p->domain);
	PUT(j, ",\"outcome\":");
	jsonput_string(j, slice_of(p->failed ? "failure" : "success"));
	PUT(j, ",\"failures\":[");
	for (unsigned i = 0; i < p->nfailures; i++) {
		if (i > 0)
			PUT(j, ",");
		put_failure(j, &p->failures[i]);
	}
	PUT(j, "]");
	if (r->rcpt.p != NULL) {
		PUT(j, ",\"rcpts\":[");
		jsonput_string(j, r->rcpt);
		PUT(j, "]");
	}
	PUT(j, "}");
	return jsonput_finish(j);
}
