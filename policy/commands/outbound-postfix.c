/*
 * Postfix asks for each key all tables in their order, and takes the first
 * answer.  Tables of others are asked before the store is opened, since root
 * goes on as another user then: they are walked twice, up to where the others
 * have an answer, then up to where the first of all has.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/base/jsontext.h"
#include "policy/commands/outbound.h"
#include "policy/doctor/postfix-list.h"
#include "policy/doctor/postfix-map.h"

static const char maps[] = "smtp_tls_policy_maps";

/* One next hop, and where the walk ends that does without our rules. */
struct hop {
	struct looking *l;
	const struct postfix *p;
	const struct postfix_service *s;
	struct slice list;	  /* smtp_tls_policy_maps */
	struct socket_address us;
	bool listens;		  /* the setting socketmap is on */
	struct slice nexthop;
	char name[POSTFIX_WAY_BYTES]; /* `nexthop` as a key */
	enum postfix_found found; /* ABSENT: no other table ends the walk */
	unsigned key, item;	  /* where it ends, unless ABSENT */
	char memory[POSTFIX_WAY_BYTES], reply_memory[POSTFIX_WAY_BYTES + 8];
	struct text value;
	struct resolved resolved;
	json_t *into, *asked;
};

/* Postfix asks for parents of host names only. */
static bool
is_hostname(const char *name)
{
	bool letter = false;

	for (const char *c = name; *c != '\0'; c++) {
		bool digit = *c >= '0' && *c <= '9';

		if (!digit && strchr("abcdefghijklmnopqrstuvwxyz-_.", *c) ==
		    NULL)
			return false;
		letter = letter || (!digit && *c != '.');
	}
	return letter;
}

static const char *
next_key(const struct hop *h, const char *key)
{
	return is_hostname(h->name) ? strchr(key + 1, '.') : NULL;
}

/* The resolver, asked as Postfix asks: by its own client. */
static enum postfix_found
ask_resolver(struct hop *h, const char *key)
{
	struct slice address = slice_of(h->l->context->settings.
	    outbound_resolver), name;
	size_t blank = slice_find(address, ' ');
	char memory[POSTFIX_WAY_BYTES], key_memory[POSTFIX_WAY_BYTES];
	struct socket_address at;
	struct text table, asked;

	name = slice_trim(slice_from(address, blank));
	if (!socket_parse(slice_make(address.p, blank), &at))
		return POSTFIX_ABSENT;
	text_init(&table, memory, sizeof memory);
	text_init(&asked, key_memory, sizeof key_memory);
	outbound_resolver_key(slice_of(key), &asked);
	text_puts(&table, "socketmap:");
	socket_print_postfix(&at, &table);
	text_printf(&table, ":%.*s", SLICE_ARG(name));
	if (asked.n > 0)
		return postfix_query(h->p, slice_make(memory, table.n),
		    key_memory, &h->value);
	text_puts(&h->value, "it cannot be asked for that name");
	return POSTFIX_UNASKED;
}

static bool
has_resolver(const struct hop *h)
{
	return strcmp(h->l->context->settings.outbound_resolver, "off") != 0;
}

static bool
is_ours(const struct hop *h, struct slice item)
{
	return h->listens && postfix_map_which(h->p, h->s, &h->us, item) ==
	    POSTFIX_MAP_OURS;
}

/*
 * Why the service gets no answer of our map; NULL: it does, or another map is
 * it.
 */
static const char *
why_hidden(const struct hop *h, struct slice item)
{
	return h->listens ? postfix_map_hidden(h->p, h->s, &h->us, item) :
	    NULL;
}

/* True: the walk ends here, with the answer of another table or with none. */
static bool
ask_others(struct hop *h, const char *key, unsigned nkey, struct slice item,
    unsigned nitem)
{
	bool ours = is_ours(h, item);
	const char *hidden = why_hidden(h, item);

	if (hidden != NULL) {
		text_clear(&h->value);
		text_puts(&h->value, hidden);
	} else if (ours && !has_resolver(h)) {
		return false;
	}
	h->found = hidden != NULL ? POSTFIX_UNASKED : ours ? ask_resolver(h, key) :
	    postfix_query(h->p, item, key, &h->value);
	h->key = nkey;
	h->item = nitem;
	return h->found != POSTFIX_ABSENT;
}

static void
walk_others(struct hop *h)
{
	unsigned nkey = 0;

	for (const char *key = h->name; key != NULL;
	    key = next_key(h, key), nkey++) {
		struct slice list = h->list;
		struct postfix_item item;

		for (unsigned i = 0; postfix_next_item(&list, &item); i++)
			if (ask_others(h, key, nkey, item.whole, i))
				return;
	}
	h->found = POSTFIX_ABSENT;
}

/* The resolver's answer in the form of the daemon's question. */
static void
resolve(struct hop *h)
{
	struct text reply;

	text_init(&reply, h->reply_memory, sizeof h->reply_memory);
	text_printf(&reply, "OK %s", h->memory);
	resolved_parse(slice_make(reply.buf, reply.n), &h->resolved);
	if (h->found == POSTFIX_UNASKED)
		resolved_fail(&h->resolved, h->memory);
}

static void
conclude(struct hop *h, const char *outcome, const char *result)
{
	json_object_set_new(h->into, "result", json_string(result));
	json_object_set_new(h->into, "outcome", jsontext_cstring(outcome));
}

static void
obey(struct hop *h, struct slice policy, const char *result)
{
	char memory[2 * POSTFIX_WAY_BYTES];
	struct text out;

	text_init(&out, memory, sizeof memory);
	outbound_outcome(h->p, h->s, h->nexthop, policy, &out);
	conclude(h, memory, result);
}

static void
defer(struct hop *h, const char *why, const char *result)
{
	char memory[2 * POSTFIX_WAY_BYTES];
	struct text out;

	text_init(&out, memory, sizeof memory);
	text_printf(&out, "mail stays in the queue: %s", why);
	conclude(h, memory, result);
}

static json_t *
question(struct hop *h, const char *key, struct slice table)
{
	json_t *asked = json_pack("{s:o, s:o}", "key", jsontext_cstring(key),
	    "table", jsontext_string(table));

	json_array_append_new(h->asked, asked);
	return asked;
}

/* True: our map has an answer. */
static bool
ask_us(struct hop *h, const char *key, struct slice item, bool last,
    struct store_reader *reader)
{
	json_t *asked = question(h, key, item);
	const struct outbound_answer *a;
	char memory[sizeof a->value_text + 8];
	struct text reply;

	if (last)
		resolve(h);
	if (has_resolver(h))
		json_object_set_new(asked, "resolver", last ?
		    jsontext_cstring(h->memory) : json_string("not found"));
	a = outbound_answer_of(h->l, OUTBOUND_POSTFIX, key,
	    last ? &h->resolved : NULL, reader, asked);
	h->l->unasked |= a->result == OUTBOUND_FAILED;
	text_init(&reply, memory, sizeof memory);
	outbound_print_reply(NULL, a, &reply);
	if (slice_starts_nocase(slice_of(memory), "NOTFOUND"))
		return false;
	if (slice_starts_nocase(slice_of(memory), "TEMP "))
		defer(h, memory + 5, outbound_result_name(a->result));
	else
		obey(h, slice_from(slice_of(memory), 3),
		    outbound_result_name(a->result));
	return true;
}

/*
 * The answer of another table, known from the first walk.  True: it ends the
 * second.
 */
static bool
repeat_others(struct hop *h, const char *key, struct slice item, bool last)
{
	json_t *asked = question(h, key, item);

	if (!last) {
		json_object_set_new(asked, "answer", json_string("not found"));
		return false;
	}
	json_object_set_new(asked, "answer", jsontext_cstring(h->memory));
	if (h->found == POSTFIX_FOUND) {
		obey(h, slice_make(h->value.buf, h->value.n), "another-table");
		return true;
	}
	h->l->unasked = true;
	json_object_set_new(asked, "failed", json_true());
	defer(h, "as long as that table gives no answer", "unasked");
	return true;
}

static void
walk_all(struct hop *h, struct store_reader *reader)
{
	unsigned nkey = 0;

	for (const char *key = h->name; key != NULL;
	    key = next_key(h, key), nkey++) {
		struct slice list = h->list;
		struct postfix_item item;

		for (unsigned i = 0; postfix_next_item(&list, &item); i++) {
			bool last = h->found != POSTFIX_ABSENT &&
			    nkey == h->key && i == h->item;
			bool ours = is_ours(h, item.whole) &&
			    why_hidden(h, item.whole) == NULL;

			if (ours ? ask_us(h, key, item.whole, last, reader) :
			    repeat_others(h, key, item.whole, last))
				return;
		}
	}
	obey(h, slice_of(json_string_value(json_object_get(h->into,
	    "level"))), "not-found");
}

/* Is our map asked, and what comes before it? */
static const char *
our_place(const struct hop *h)
{
	struct slice list = h->list;
	struct postfix_item item;

	if (!h->listens)
		return "no: the setting socketmap is off";
	for (bool first = true; postfix_next_item(&list, &item); first = false)
		if (why_hidden(h, item.whole) != NULL)
			return "no: it is hidden from smtp(8)";
		else if (is_ours(h, item.whole))
			return first ? "yes" : "yes, behind other tables";
	return "no: smtp_tls_policy_maps does not have it";
}

static void
describe(struct hop *h, const char *by)
{
	const char *parameter;
	struct slice level = postfix_level(h->p, h->s, &parameter);

	h->asked = json_array();
	h->into = json_pack("{s:o, s:s, s:o, s:s, s:o, s:s, s:o}",
	    "next_hop", jsontext_string(h->nexthop), "by", by,
	    "level", jsontext_string(level), "level_by", parameter,
	    "tables", jsontext_string(h->list), "ours", our_place(h),
	    "asked", h->asked);
	json_array_append_new(json_object_get(h->l->all, "next_hops"),
	    h->into);
}

enum { HOPS_MAX = 16 };

struct hops {
	struct hop *hop[HOPS_MAX];
	unsigned n;
	bool ours; /* some next hop asks our map */
};

static bool
add_hop(struct looking *l, const struct postfix *p,
    const struct postfix_service *s, struct slice nexthop, const char *by,
    struct hops *all)
{
	struct hop *h = calloc(1, sizeof *h);
	struct text name;

	if (h == NULL)
		return false;
	*h = (struct hop){ .l = l, .p = p, .s = s, .nexthop = nexthop,
		.list = postfix_value(p, s, maps, NULL) };
	h->listens = socket_parse(slice_of(l->context->settings.socketmap),
	    &h->us);
	text_init(&h->value, h->memory, sizeof h->memory);
	text_init(&name, h->name, sizeof h->name);
	text_put_lower(&name, nexthop);
	describe(h, by);
	walk_others(h);
	all->ours = all->ours || our_place(h)[0] == 'y';
	all->hop[all->n++] = h;
	return true;
}

/* Since Postfix 3.5 there may be several, in their order; then the fallback. */
static bool
add_hops(struct looking *l, const struct postfix *p,
    const struct postfix_way *way, struct hops *all)
{
	struct slice fallback = postfix_value(p, way->service,
	    "smtp_fallback_relay", NULL);
	struct slice list = slice_of(way->nexthop), one;

	while (slice_next_of(&list, ", \t", &one))
		if (one.n > 0 && all->n < HOPS_MAX && !add_hop(l, p,
		    way->service, one, way->nexthop_by, all))
			return false;
	while (slice_next_of(&fallback, ", \t", &one))
		if (one.n > 0 && all->n < HOPS_MAX && !add_hop(l, p,
		    way->service, one, "smtp_fallback_relay", all))
			return false;
	return true;
}

static bool
answer_hops(struct looking *l, struct hops *all, struct fault *f)
{
	struct store_reader reader;
	struct store *store = NULL;

	if (all->ours && !command_open_store(l->context, &store, &reader, f))
		return false;
	for (unsigned i = 0; i < all->n; i++)
		walk_all(all->hop[i], &reader);
	if (store != NULL)
		command_close_store(store, &reader);
	return true;
}

/* Notes what depends on more than the domain. */
static void
add_notes(struct looking *l, const struct postfix *p)
{
	static const struct {
		const char *parameter, *note;
	} notes[] = {
		{ "content_filter", "content_filter: mail goes to the filter "
		    "first" },
	};
	json_t *list = json_array();

	for (size_t i = 0; i < sizeof notes / sizeof notes[0]; i++)
		if (postfix_parameter(p, notes[i].parameter).n > 0)
			json_array_append_new(list,
			    json_string(notes[i].note));
	if (l->user[0] == '\0' && postfix_parameter(p, "transport_maps").n > 0)
		json_array_append_new(list, json_string("transport_maps: "
		    "without a recipient entries for single addresses are not "
		    "looked at"));
	json_object_set_new(l->all, "notes", list);
}

/*
 * Without --from and --to parameters by sender or recipient may lead elsewhere:
 * said, as an answer for one mail is none for all.
 */
static void
add_depends(struct looking *l, const struct postfix_way *way)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < way->ndepends; i++)
		json_array_append_new(list, json_string(way->depends[i]));
	json_object_set_new(l->all, "depends", list);
	l->unasked |= way->ndepends > 0;
}

/* Postfix keeps mail for a transport that master.cf does not have. */
static void
say_no_service(struct looking *l, const struct postfix *p,
    const struct postfix_way *way)
{
	const char *outcome = "the transport is not smtp(8): no rule is asked "
	    "for";

	if (!postfix_has_transport(p, way->transport)) {
		json_array_append_new(json_object_get(l->all, "notes"),
		    json_string("master.cf has no service of that name: mail "
		    "stays in the queue"));
	} else if (p->left_out > 0) {
		outcome = "master.cf has more services than are looked at";
		l->unasked = true;
	}
	json_object_set_new(l->all, "outcome", json_string(outcome));
}

static bool
look(struct looking *l, const struct postfix *p, struct postfix_way *way,
    struct fault *f)
{
	struct hops all = { .n = 0 };
	const struct postfix_mail mail = { l->user, l->domain, l->sender };
	bool good = true;

	postfix_way(p, &mail, way);
	json_object_set_new(l->all, "transport",
	    jsontext_cstring(way->transport));
	json_object_set_new(l->all, "transport_by",
	    json_string(way->transport_by));
	json_object_set_new(l->all, "next_hops", json_array());
	if (way->unasked[0] != '\0') {
		l->unasked = true;
		json_object_set_new(l->all, "unasked",
		    jsontext_cstring(way->unasked));
	}
	add_notes(l, p);
	add_depends(l, way);
	if (way->unasked[0] != '\0')
		json_object_set_new(l->all, "outcome", json_string(
		    "which way mail takes is not known"));
	else if (way->service == NULL)
		say_no_service(l, p, way);
	else if (!add_hops(l, p, way, &all))
		good = fault_no_memory(f);
	good = good && answer_hops(l, &all, f);
	for (unsigned i = 0; i < all.n; i++)
		free(all.hop[i]);
	return good;
}

bool
outbound_look_postfix(struct looking *l, struct fault *f)
{
	struct postfix_way *way = malloc(sizeof *way);
	struct postfix *p = calloc(1, sizeof *p);
	char path[POSTFIX_WAY_BYTES];
	bool good = false;

	if (way == NULL || p == NULL) {
		fault_no_memory(f);
	} else {
		p->dir = l->dir;
		snprintf(path, sizeof path, "%s/main.cf", l->dir);
		if (access(path, R_OK) == -1)
			fault_errno(f, FAULT_NOINPUT, errno, "%s", path);
		else if (postfix_read(p, f))
			good = p->lines.n > 0 ? look(l, p, way, f) :
			    fault_set(f, FAULT_NOINPUT, "%s/master.cf: there is "
			    "no service", l->dir);
	}
	free(way);
	free(p);
	return good;
}
