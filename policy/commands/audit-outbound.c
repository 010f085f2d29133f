/* What an MTA was told before it delivers, and what came of it, for people. */
#include "policy/audit/print.h"
#include "policy/commands/audit-line.h"

void
audit_outbound_print(const struct reader_record *r, struct text *out)
{
	const struct reader_outbound *o = &r->outbound;

	audit_print_time(r->time_us, out);
	if (r->withdrawn)
		text_puts(out, " withdrawn");
	audit_print_word(" outbound ", o->result, out);
	if (r->monitor)
		text_puts(out, " (monitor)");
	audit_print_word(" map=", o->map, out);
	audit_print_word(" query=", o->query, out);
	for (size_t i = 0; i < r->nrules; i++)
		audit_print_word(" rule=", r->rules[i].key, out);
	audit_print_word(" without=", o->inexpressible, out);
	audit_print_word(" warned=", o->warned, out);
	audit_print_word(" resolver=", o->resolver, out);
	audit_print_word(" answer=", o->answer, out);
}

void
audit_tls_print(const struct facts *f, struct text *line)
{
	if (!facts_tls_told(f))
		text_puts(line, " tls not told");
	else if (facts_in_clear(f))
		text_puts(line, " in clear");
	audit_print_fact(f, FACT_TLS_VERSION, " tls=", line);
	audit_print_fact(f, FACT_CIPHER, " cipher=", line);
	if (!facts_in_clear(f))
		audit_print_fact(f, FACT_VERIFY, " verify=", line);
	audit_print_fact(f, FACT_CN_SUBJECT, " cn=", line);
}

static void
print_delivery(const struct facts *f, struct text *out)
{
	text_puts(out, " maillog delivered");
	audit_print_fact(f, FACT_QUEUE_ID, " id=", out);
	audit_print_fact(f, FACT_SERVER_NAME, " server=", out);
	audit_print_fact(f, FACT_SERVER_ADDR, " addr=", out);
}

static void
print_handshake(const struct reader_record *r, struct text *out)
{
	const struct reader_handshake *h = &r->handshake;

	text_printf(out, "%s handshake %s", r->maillog ? " maillog" : "",
	    h->failed ? "failure" : "success");
	audit_print_fact(&r->facts, FACT_QUEUE_ID, " id=", out);
	audit_print_word(" domain=", h->domain, out);
	audit_print_word(" policy=", h->policy_type, out);
	audit_print_word(" server=", h->server, out);
	audit_print_word(" addr=", h->addr, out);
	audit_print_word(" why=", h->result_type, out);
	audit_print_word(" reason=", h->reason, out);
}

void
audit_leaving_print(const struct reader_record *r, struct text *out)
{
	audit_print_time(r->time_us, out);
	if (r->withdrawn)
		text_puts(out, " withdrawn");
	if (r->event == RECORD_HANDSHAKE)
		print_handshake(r, out);
	else
		print_delivery(&r->facts, out);
	for (size_t i = 0; i < r->nrcpts; i++) {
		text_puts(out, " to=");
		text_put_printable(out, r->rcpts[i]);
	}
	if (r->event == RECORD_DELIVERED)
		audit_tls_print(&r->facts, out);
}
