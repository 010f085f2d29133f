/*
 * A name stands as its number among those of its kind, unless something else
 * than a comparison is done with it: wildcards, +XX, sendmail's stand-ins.
 */
#include "policy/prove/barren.h"
#include "policy/rules/predicate.h"

/* All names of this kind are only compared with each other. */
static bool
is_only_compared(const struct prove_threshold *t, enum prove_dimension d)
{
	const struct prove_values *values = &t->values[d];

	if (d < DIMENSION_CN || d > DIMENSION_PKFP ||
	    (d == DIMENSION_CI && t->values[DIMENSION_CITAG].n > 0))
		return false;
	for (unsigned i = 0; i < values->n; i++) {
		struct slice v = values->value[i];

		if (v.n == 0 || v.p[0] == '*' || v.p[0] == '.' ||
		    slice_find(v, '+') < v.n ||
		    slice_starts_nocase(v, "BadCertificate"))
			return false;
	}
	return true;
}

static bool
are_same(enum prove_dimension d, struct slice a, struct slice b)
{
	return d == DIMENSION_FP || d == DIMENSION_PKFP ?
	    predicate_same_fingerprint(a, b) : slice_equal_nocase(a, b);
}

static void
put_item(const struct prove_threshold *t, const struct item *item,
    struct text *out)
{
	enum prove_dimension d = prove_threshold_of(item->row->id);
	unsigned i = 0;

	if (d == DIMENSION_NONE)
		return;
	text_printf(out, "+%d", (int)item->row->id);
	if (!is_only_compared(t, d)) {
		text_char(out, ':');
		text_put(out, item->value);
		return;
	}
	while (i < t->values[d].n && !are_same(d, t->values[d].value[i],
	    item->value))
		i++;
	text_printf(out, "#%u", i);
}

static bool
put_line(const struct prove_threshold *t, enum tag tag, struct slice line,
    struct text *out)
{
	struct requirement r;
	struct fault f;

	if (!requirement_parse(line, tag, &r, &f))
		return false;
	text_printf(out, " %d %d", (int)r.class, (int)r.need);
	if (r.has_bits)
		text_printf(out, ":%u", r.bits);
	for (unsigned i = 0; i < r.nitems; i++)
		put_item(t, &r.items[i], out);
	text_char(out, '\n');
	return true;
}

/*
 * Which clients of CLIENT and WHEN the chosen one is.  A search with such rules
 * chooses the client first (search.c).
 */
static void
put_client(const struct prove_search *s, const struct prove_threshold *t,
    struct text *out)
{
	const struct prove_subject *client = s->chosen[TAG_CLT];

	if (client == NULL)
		return;
	text_char(out, client->sendmail_only ? 's' : 'b');
	if (t->clients)
		text_put(out, client->chain->clients);
}

static void
put_claim(const struct prove_search *s, struct text *out)
{
	const struct claim *c = s->claim;

	text_printf(out, "%d%d%d %d %d %d %d;", (int)s->handshake,
	    (int)s->exempt, s->chosen[TAG_AUTH] == NULL ?
	    2 + (int)c->without_auth : (int)s->chosen[TAG_AUTH]->absent,
	    c->one_mta ? (int)c->mta : -1, (int)c->first, (int)c->last,
	    (int)s->day);
	for (unsigned i = 0; i < c->nconditions; i++)
		text_printf(out, "%d%d:%u ", (int)c->condition[i].weakness,
		    (int)c->condition[i].not, c->condition[i].number);
}

bool
prove_barren_text(const struct prove_search *s,
    const struct prove_threshold *t, struct text *out)
{
	if (t->peer_name || t->beyond)
		return false;
	put_claim(s, out);
	put_client(s, t, out);
	for (int tag = 0; tag < CLAIM_TAGS; tag++) {
		struct slice rest, line;

		if (s->chosen[tag] == NULL || s->wanted[tag] == LEVEL_ANY)
			continue;
		text_printf(out, "\n%d=%u\n", tag, s->wanted[tag]);
		rest = s->chosen[tag]->chain->lines;
		while (slice_next(&rest, '\n', &line))
			if (line.n > 0 && !put_line(t, (enum tag)tag, line,
			    out))
				return false;
			else if (line.n == 0)
				text_puts(out, "|\n");
	}
	return !out->cut;
}
