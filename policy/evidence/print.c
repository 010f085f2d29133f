/* What a plan would break, for people and for scripts. */
#include <math.h>

#include "policy/audit/print.h"
#include "policy/base/jsonput.h"
#include "policy/evidence/evidence.h"
#include "policy/suggest/suggest-internal.h"

enum { SHOWN = 20, LINE = 4096, EXACT = 1000 };

static unsigned long long
big(uint64_t n)
{
	return (unsigned long long)n;
}

static void
put_name(const struct evidence_partner *p, struct text *out)
{
	if (p->name.n > 0)
		text_put_printable(out, p->name);
	else
		text_puts(out, "(no domain)");
}

/* In tenths of a per cent, rounded up, as it is a bound. */
static unsigned
bound(const struct evidence_partner *p)
{
	double n = (double)p->judged, share = p->judged == 0 ? 1 :
	    (double)p->broken / n, most;
	unsigned tenths;

	/* Exactly while that is quick; many are normally distributed. */
	if (p->broken <= EXACT)
		most = suggest_bound(p->judged, p->broken);
	else
		most = share + 1.645 * sqrt(share * (1 - share) / n);
	tenths = (unsigned)(most * 1000) + 1;
	return tenths > 1000 ? 1000 : tenths;
}

static void
print_broken(const struct evidence_partner *p, FILE *out)
{
	char buf[LINE];
	struct text line;

	text_init(&line, buf, sizeof buf);
	text_puts(&line, "  ");
	put_name(p, &line);
	text_printf(&line, ": %llu of %llu, ", big(p->broken), big(p->judged));
	audit_print_time(p->first_broken_us, &line);
	text_puts(&line, " to ");
	audit_print_time(p->last_broken_us, &line);
	if (p->real > 0)
		text_printf(&line, "; %llu of them for real", big(p->real));
	fprintf(out, "%s\n", buf);
	text_clear(&line);
	text_puts(&line, "    rule: ");
	text_put_printable(&line, p->key.n > 0 ? p->key : slice_of("none"));
	text_char(&line, ' ');
	text_put_printable(&line, p->requirement);
	if (p->reason != REASON_NONE)
		text_printf(&line, ", %s", reason_name(p->reason));
	fprintf(out, "%s\n    with 95 %% confidence not more than %u.%u %% of "
	    "its mail breaks\n", buf, bound(p) / 10, bound(p) % 10);
}

static void
print_unseen(const struct evidence_partner *p, FILE *out)
{
	char buf[LINE];
	struct text line;

	text_init(&line, buf, sizeof buf);
	text_puts(&line, "  ");
	put_name(p, &line);
	text_printf(&line, ": %llu message%s before, the last on ",
	    big(p->before), p->before == 1 ? "" : "s");
	audit_print_time(p->last_us, &line);
	fprintf(out, "%s\n", buf);
}

static void
print_list(const struct evidence *e, size_t (*choose)(
    const struct evidence *, struct evidence_partner **),
    void (*print)(const struct evidence_partner *, FILE *), FILE *out)
{
	size_t n = choose(e, e->list);

	for (size_t i = 0; i < n && i < SHOWN; i++)
		print(e->list[i], out);
	if (n > SHOWN)
		fprintf(out, "  and %zu more (--json)\n", n - SHOWN);
}

static void
print_counts(const struct evidence *e, FILE *out)
{
	size_t nodes = 0;

	for (size_t i = 0; i < e->nnodes; i++)
		nodes += e->nodes[i].judged > 0;
	fprintf(out, "judged beside: %llu on %lld day%s, at %zu node%s\n",
	    big(e->judged), (long long)e->days, e->days == 1 ? "" : "s",
	    nodes, nodes == 1 ? "" : "s");
	if (e->answered > 0)
		fprintf(out, "of these decided by the plan: %llu\n",
		    big(e->answered));
	fprintf(out, "would break: %llu, %lu may", big(e->broken),
	    (unsigned long)e->plan.budget);
	if (e->partly > 0)
		fprintf(out, "; %llu for some recipients only",
		    big(e->partly));
	if (e->held > 0)
		fprintf(out, "; %llu held", big(e->held));
	if (e->real > 0)
		fprintf(out, "; %llu for real", big(e->real));
	fputc('\n', out);
}

void
evidence_print(const struct evidence *e, const struct evidence_state *state,
    FILE *out)
{
	char buf[LINE];
	struct text line;

	print_counts(e, out);
	print_list(e, evidence_broken, print_broken, out);
	if (e->rest.broken > 0)
		fprintf(out, "  others, too many to be told apart: %llu\n",
		    big(e->rest.broken));
	if (e->freed > 0)
		fprintf(out, "refused now, and would not be: %llu\n",
		    big(e->freed));
	fprintf(out, "sent mail before, and not since, so that nothing is known: "
	    "%zu\n", evidence_unseen(e, NULL));
	print_list(e, evidence_unseen, print_unseen, out);
	text_init(&line, buf, sizeof buf);
	for (int i = 0; i < EVIDENCE_OBSTACLES; i++) {
		if (!evidence_is_met(e, state, (enum evidence_obstacle)i))
			continue;
		text_clear(&line);
		evidence_put_obstacle(e, state, (enum evidence_obstacle)i,
		    &line);
		fprintf(out, "in the way: %s\n", buf);
	}
	if (evidence_status(e, state) == EXIT_FINE)
		fprintf(out, "nothing is in the way\n");
}

static void
json_string(const char *name, struct slice value, FILE *out)
{
	fprintf(out, "\"%s\":", name);
	jsonput_print(value, out);
}

static void
json_time(const char *name, int64_t time_us, FILE *out)
{
	char buf[64];
	struct jsonput j;
	struct text text;

	text_init(&text, buf, sizeof buf);
	jsonput_start(&j, &text);
	jsonput_time(&j, time_us);
	(void)jsonput_finish(&j);
	fprintf(out, ",\"%s\":%s", name, time_us == 0 ? "null" : buf);
}

static void
json_partner(const struct evidence_partner *p, FILE *out)
{
	fputc('{', out);
	json_string("domain", p->name, out);
	fprintf(out, ",\"judged\":%llu,\"broken\":%llu,\"for_real\":%llu,"
	    "\"before\":%llu,\"at_most\":%u.%u", big(p->judged),
	    big(p->broken), big(p->real), big(p->before), bound(p) / 10,
	    bound(p) % 10);
	json_time("first_broken", p->first_broken_us, out);
	json_time("last_broken", p->last_broken_us, out);
	json_time("last", p->last_us, out);
	fputc(',', out);
	json_string("key", p->key, out);
	fputc(',', out);
	json_string("requirement", p->requirement, out);
	fprintf(out, ",\"reason\":\"%s\"}", p->reason == REASON_NONE ? "" :
	    reason_name(p->reason));
}

static void
json_list(const struct evidence *e, const char *name, size_t (*choose)(
    const struct evidence *, struct evidence_partner **), FILE *out)
{
	size_t n = choose(e, e->list);

	fprintf(out, ",\"%s\":[", name);
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			fputc(',', out);
		json_partner(e->list[i], out);
	}
	fputc(']', out);
}

static void
json_nodes(const struct evidence *e, FILE *out)
{
	fprintf(out, ",\"nodes\":[");
	for (size_t i = 0; i < e->nnodes; i++) {
		const struct evidence_node *node = &e->nodes[i];

		fputs(i > 0 ? ",{" : "{", out);
		json_string("node", node->name, out);
		fprintf(out, ",\"judged\":%llu,\"not_judged\":%llu,"
		    "\"missed\":%llu", big(node->judged),
		    big(node->unjudged), big(node->missed));
		json_time("begun", node->begun_us, out);
		json_time("last", node->last_us, out);
		fputc('}', out);
	}
	fputc(']', out);
}

void
evidence_json(const struct evidence *e, const struct evidence_state *state,
    FILE *out)
{
	bool first = true;

	fprintf(out, ",\"judged\":%llu,\"days_judged\":%lld,\"broken\":%llu,"
	    "\"partly\":%llu,\"held\":%llu,\"for_real\":%llu,\"freed\":%llu,"
	    "\"not_judged\":%llu,\"missed\":%llu,\"answered\":%llu",
	    big(e->judged), (long long)e->days, big(e->broken),
	    big(e->partly), big(e->held), big(e->real), big(e->freed),
	    big(e->unjudged), big(e->missed), big(e->answered));
	json_nodes(e, out);
	json_list(e, "breaks", evidence_broken, out);
	json_list(e, "unseen", evidence_unseen, out);
	fprintf(out, ",\"in_the_way\":[");
	for (int i = 0; i < EVIDENCE_OBSTACLES; i++)
		if (evidence_is_met(e, state, (enum evidence_obstacle)i)) {
			fprintf(out, "%s\"%s\"", first ? "" : ",",
			    evidence_obstacle_name((enum evidence_obstacle)i));
			first = false;
		}
	fputc(']', out);
}
