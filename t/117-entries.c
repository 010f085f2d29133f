/*
 * A directory's entries, changed at random, in two stores: one is made anew of
 * all of them each time, the other of what has changed.  After each commit they
 * hold the same, byte by byte, and have told the same.  Some policies are kept
 * out, as by a claim: of all rules in a store of their own, of what has changed in
 * the transaction that would commit it.
 *
 * With compat = sendmail, since only there an issuer's row can depend on who
 * names its tag.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "policy/store/history.h"
#include "policy/sync/compile.h"
#include "t/unit.h"

enum { ENTRIES = 120, COMMITS = 1500, TEXT = 256 * 1024 };

static const char *const keys[] = {
	"TLS_Clt:a.example", "tls_clt:A.EXAMPLE", "TLS_From:b.example",
	"TLS_Clt:[2001:db8::/32]", "TLS_Clt:[2001:0DB8:0::/32]", "host.example",
	"TLS_Clt:host.example", "TLS_Srv:host.example", "Profile:p",
	"TLS_To:\xc3\xbc@", "TLS_To:\xc3\x9c@", "TLS_To:\xc3\x9c@",
	"Profile:q", "profile:Q"
};
static const char *const issuers[] = {
	"CA1:/CN=x", "ca1:/CN=y", "CA2:nobody", "TLS_Cilt:a.example"
};
static const char *const named[] = { "CA1", "ca2", "tls_cilt" };

static const char *const requirements[] = {
	"PERM+VERIFY", "ENCR:128", "OK", "PERM+VERIFY+UNTIL:2040-01-01",
	"ENCR:112+FROM:2030-01-01", "TEMP+VERIFY+WHEN:192.0.2.0/24",
	"TEMP+VERIFY+WHEN:.example.org", "AS:p", "AS:P++UNTIL:2041-01-01",
	"AS:q", "AS:none",
	"PERM+VERIFY+CIPHER:ECDHE+AESGCM", "PERM+VERYFY"
};

/* One of the two stores. */
struct side {
	struct sync_entries entries;
	struct sync_index index;
	bool indexed;
	bool claims; /* claims keep some policies out */
	struct store_info in_store;
	const char *path;
	char said[TEXT];
	struct text out;
	unsigned n; /* commits that took only what had changed */
};

static void
tell(void *arg, const struct sync_entry *e, const char *why, bool stays)
{
	struct side *s = arg;

	text_printf(&s->out, "%s%s: ", e->name, stays ? " stays" : "");
	/*
	 * Digits are left out: the numbers of lines differ between the two
	 * stores.
	 */
	for (; why != NULL && *why != '\0'; why++)
		if (*why < '0' || *why > '9')
			text_put(&s->out, slice_make(why, 1));
	text_puts(&s->out, "\n");
}

static bool
sum_rule(void *arg, const struct stored_rule *rule)
{
	uint64_t *sum = arg;

	*sum = *sum * 31 + slice_hash(rule->key) + slice_hash(rule->requirement);
	return true;
}

/*
 * Stands for claims: a digest of all rules and of one look-up, false for one
 * policy in sixteen.
 */
static bool
holds(void *arg, struct store *store, struct fault *f)
{
	struct store_reader reader;
	struct slice rules;
	uint64_t sum = 0;
	struct key key;

	if (!*(const bool *)arg)
		return true;
	assert_true(store_begin(store, &reader, f));
	assert_true(store_each(&reader, sum_rule, &sum));
	assert_true(key_parse(slice_of(keys[0]), &key, f));
	switch (store_get(&reader, &key, &rules)) {
	case LOOKUP_FOUND:
		sum += slice_hash(rules);
		break;
	case LOOKUP_ABSENT:
		break;
	default:
		fail_msg("%s", reader.fault.text);
	}
	sum += reader.info.rules;
	store_end(&reader);
	return (sum >> 7) % 16 != 0 || fault_set(f, FAULT_DATA, "a claim");
}

/* holds() of all rules, built into a store of their own. */
static bool
all_hold(struct side *s, const struct rulefile *rules, int64_t now,
    struct fault *f)
{
	const struct authorship by = { .now = now };
	const char *path = unit_path("scratch");
	struct store *store;
	bool good;

	assert_true(rebuild_store(path, rules, &by, REBUILD_SCRATCH, NULL, NULL,
	    f));
	store = store_open(path, f);
	assert_non_null(store);
	good = holds(&s->claims, store, f);
	store_close(store);
	return good;
}

static bool
write_side(struct side *s, struct sync_compiled *c, int64_t now, bool *changed,
    struct fault *f)
{
	struct authorship by = { .now = now, .how = GENERATION_SYNC };
	bool good;

	c->told.cookie = slice_of("rid=000");
	c->change.over = s->in_store;
	c->change.holds = holds;
	c->change.arg = &s->claims;
	if (c->whole && !all_hold(s, &c->rules, now, f))
		return false;
	good = c->whole ? rebuild_synced(s->path, &c->rules, &by, &c->told,
	    &s->in_store, changed, f) : rebuild_synced_keys(s->path, &c->rules,
	    &by, &c->told, &c->change, &s->in_store, changed, f);
	if (good) {
		s->indexed = sync_compiled_commit(&s->entries, &s->index, c,
		    *changed);
		assert_true(s->indexed);
		s->n += !c->whole;
		text_printf(&s->out, "%s, %llu held\n", *changed ? "changed" :
		    "unchanged", (unsigned long long)c->held_back);
	}
	return good;
}

static bool
commit(struct side *s, bool anew, int64_t now)
{
	struct sync_compiled c;
	bool changed = false, good;
	struct fault f;

	text_init(&s->out, s->said, sizeof s->said);
	for (;; anew = true) {
		text_clear(&s->out);
		good = sync_compile(&s->entries, anew || !s->indexed ? NULL :
		    &s->index, true, tell, s, &c, &f) &&
		    write_side(s, &c, now, &changed, &f);
		sync_compiled_free(&c);
		if (good || f.kind != FAULT_NONE)
			break;
		assert_false(anew);
	}
	assert_false(s->entries.no_memory);
	if (!good)
		text_printf(&s->out, "not taken\n");
	return good;
}

static bool
print_rule(void *arg, const struct stored_rule *rule)
{
	text_printf(arg, "%.*s\t%.*s\t%u %u %u\n", SLICE_ARG(rule->key),
	    SLICE_ARG(rule->requirement), rule->line, rule->source,
	    rule->flags);
	return true;
}

static bool
print_entry(void *arg, const struct synced_entry *e)
{
	for (int i = 0; i < SYNCED_UUID; i++)
		text_printf(arg, "%02x", e->uuid[i]);
	text_printf(arg, " %.*s|%.*s|%.*s\n", SLICE_ARG(e->name),
	    SLICE_ARG(e->line), SLICE_ARG(e->good));
	return true;
}

static bool
print_change(void *arg, const struct history_change *change)
{
	text_printf(arg, "change %.*s %zu %zu\n",
	    SLICE_ARG(slice_from(change->key_bytes, KEY_HEAD)),
	    change->old.n, change->new.n);
	return true;
}

/* Prints all that the store has. */
static void
print_store(const char *path, struct text *out)
{
	struct store_reader reader;
	struct generation g;
	struct store *store;
	struct slice cookie;
	struct fault f;

	store = store_open(path, &f);
	assert_non_null(store);
	assert_true(store_begin(store, &reader, &f));
	assert_true(store_each(&reader, print_rule, out));
	assert_int_equal(synced_read(&reader, &cookie, print_entry, out),
	    LOOKUP_FOUND);
	assert_int_equal(history_find(&reader, reader.info.generation, &g),
	    LOOKUP_FOUND);
	text_printf(out, "generation %llu: +%llu -%llu ~%llu %llu, %u\n",
	    (unsigned long long)g.number, (unsigned long long)g.added,
	    (unsigned long long)g.removed, (unsigned long long)g.changed,
	    (unsigned long long)g.rules,
	    reader.info.count[TAG_CLT][KEY_NAME]);
	for (int i = 0; i < DIGEST_BYTES; i++)
		text_printf(out, "%02x", g.rules_digest[i]);
	text_puts(out, "\n");
	assert_true(history_changes(&reader, &g, print_change, out));
	store_end(&reader);
	store_close(store);
}

static void
compare(const struct side *all, const struct side *some, long long at)
{
	static char want[TEXT], got[TEXT];
	struct text a, b;

	text_init(&a, want, sizeof want);
	text_init(&b, got, sizeof got);
	print_store(all->path, &a);
	print_store(some->path, &b);
	assert_false(a.cut || b.cut);
	if (strcmp(want, got) != 0 || strcmp(all->said, some->said) != 0) {
		unit_same("the stores", want, got);
		unit_same("what was said", all->said, some->said);
		unit_number("commit", 0, at);
		unit_end();
	}
}

static void
make_line(unsigned which, uint64_t *seed, char *line, size_t size)
{
	unsigned n = unit_random(seed);

	if (which < ENTRIES / 3)
		snprintf(line, size, "%s\t%s", keys[n % UNIT_COUNT(keys)],
		    requirements[n / 64 % UNIT_COUNT(requirements)]);
	else if (which < ENTRIES / 3 + 4)
		snprintf(line, size, "%s\tOK", issuers[n %
		    UNIT_COUNT(issuers)]);
	else if (which < ENTRIES / 3 + 9)
		snprintf(line, size, "TLS_From:n%u.example\tVERIFY+CITag:%s",
		    which, named[n % UNIT_COUNT(named)]);
	else
		snprintf(line, size, "TLS_Clt:n%u.example\tENCR:%u", which,
		    n % 5);
}

/* One entry comes, goes, is moved, or gets another rule. */
static void
change(struct side sides[2], uint64_t *seed)
{
	unsigned char uuid[SYNCED_UUID] = { 0 };
	unsigned which = unit_random(seed) % ENTRIES, how;
	char name[32], line[200];

	uuid[0] = (unsigned char)(7 * which);
	uuid[9] = (unsigned char)which;
	how = unit_random(seed) % 10;
	snprintf(name, sizeof name, "cn=%u", how == 0 ?
	    unit_random(seed) % 100 : 100 + which);
	make_line(which, seed, line, sizeof line);
	for (int i = 0; i < 2; i++)
		if (how == 1 || how == 2)
			sync_entries_drop(&sides[i].entries, uuid);
		else
			sync_entries_put(&sides[i].entries, uuid, name, how ==
			    3 ? NULL : line, how == 3 ? "no rule" : NULL, "x");
}

/*
 * Gives each entry that the last commit touched its last good line, or drops
 * it, since most commits would fail otherwise.
 */
static void
mend(struct side sides[2])
{
	size_t n;
	struct sync_entry **all = sync_entries_touched(&sides[0].entries, &n);

	assert_non_null(all);
	for (size_t i = 0; i < n; i++) {
		unsigned char uuid[SYNCED_UUID];
		char name[32], line[200];

		memcpy(uuid, all[i]->uuid, sizeof uuid);
		snprintf(name, sizeof name, "%s", all[i]->name);
		snprintf(line, sizeof line, "%s", all[i]->good);
		for (int j = 0; j < 2; j++)
			if (line[0] == '\0')
				sync_entries_drop(&sides[j].entries, uuid);
			else
				sync_entries_put(&sides[j].entries, uuid, name,
				    line, NULL, "y");
	}
	free(all);
}

static void
by_hand(const struct side sides[2], int64_t now)
{
	struct authorship by = { .now = now, .how = GENERATION_SET };
	struct rulefile rules;
	struct fault f;
	bool changed;

	for (int i = 0; i < 2; i++) {
		unit_read_rules(&rules, "TLS_Clt:hand.example OK\n");
		assert_true(rebuild_set(sides[i].path, &rules, &by, NULL,
		    &changed, &f));
		rulefile_free(&rules);
	}
}

static void
test_random(void **state)
{
	static struct side sides[2];
	uint64_t seed = 20261129;
	unsigned refused = 0;

	(void)state;
	for (int i = 0; i < 2; i++) {
		sync_entries_init(&sides[i].entries);
		sync_index_init(&sides[i].index);
		sides[i].claims = true;
		sides[i].path = strdup(unit_path(i == 0 ? "all" : "some"));
	}
	for (int i = 0; i < 3 * ENTRIES; i++)
		change(sides, &seed);
	for (int64_t now = 1; now <= COMMITS; now++) {
		bool good[2];

		for (int i = 0; i < 2; i++)
			good[i] = commit(&sides[i], i == 0, now);
		assert_int_equal(good[0], good[1]);
		if (now > 1 || good[0])
			compare(&sides[0], &sides[1], now);
		refused += !good[0];
		if (!good[0])
			mend(sides);
		if (now % 100 == 0)
			by_hand(sides, now);
		for (unsigned n = 1 + unit_random(&seed) % 3; n > 0; n--)
			change(sides, &seed);
	}
	print_message("# %u of what has changed, %u refused\n", sides[1].n,
	    refused);
	assert_int_equal(sides[0].n, 0);
	assert_true(sides[1].n > COMMITS / 3 && refused > COMMITS / 50);
	for (int i = 0; i < 2; i++) {
		sync_entries_free(&sides[i].entries);
		sync_index_free(&sides[i].index);
		free((char *)(uintptr_t)sides[i].path);
	}
}

static void
put(struct side *s, unsigned char id, const char *line)
{
	unsigned char uuid[SYNCED_UUID] = { id };
	char name[32];

	snprintf(name, sizeof name, "cn=%u", id);
	if (line == NULL)
		sync_entries_drop(&s->entries, uuid);
	else
		sync_entries_put(&s->entries, uuid, name, line, NULL, "x");
}

/*
 * The entry `needed` becomes `then` (NULL: it goes) while `needs` needs its
 * rule or wants its key; `said`: what is told.
 */
static void
test_needed(void **state)
{
	static const struct {
		const char *needs, *needed, *then, *said;
	} rows[] = {
		{ "CA2:nobody\tOK", "TLS_Clt:a\tVERIFY+CITag:CA2", NULL,
		    "not taken\n" },
		{ "CA2:nobody\tOK", "TLS_Clt:a\tVERIFY+CITag:CA2",
		    "TLS_Clt:a\tVERIFY", "cn=2 stays: " },
		{ "TLS_Clt:a\tAS:p++UNTIL:2040-01-01", "Profile:p\tVERIFY",
		    NULL, "not taken\n" },
		{ "TLS_Clt:a\tAS:p", "Profile:p\tVERIFY",
		    "Profile:p\tVERIFY+UNTIL:2040-01-01", "cn=2 stays: " },
		{ "TLS_Clt:a\tENCR:1", "TLS_Clt:a\tENCR:2+UNTIL:2040-01-01",
		    "TLS_Clt:A\tENCR:2", "cn=2 stays: " },
		{ "TLS_Clt:a\tENCR:1", "TLS_Clt:a\tENCR:2+UNTIL:2040-01-01",
		    NULL, "changed, " },
	};
	static struct side s;

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		sync_entries_init(&s.entries);
		sync_index_init(&s.index);
		s.indexed = false;
		s.n = 0;
		s.path = unit_path("needed");
		for (unsigned char n = 10; n < 20; n++) {
			char line[64];

			snprintf(line, sizeof line, "TLS_Clt:n%u\tOK", n);
			put(&s, n, line);
		}
		put(&s, 3, rows[i].needs);
		put(&s, 2, rows[i].needed);
		assert_true(commit(&s, false, 1));
		put(&s, 2, rows[i].then);
		(void)commit(&s, false, 2);
		if (strncmp(s.said, rows[i].said, strlen(rows[i].said)) != 0)
			unit_same(rows[i].needs, rows[i].said, s.said);
		put(&s, 2, rows[i].needed);
		assert_true(commit(&s, false, 3));
		unit_number(rows[i].needs, 1, s.n > 0);
		sync_entries_free(&s.entries);
		sync_index_free(&s.index);
		unlink(s.path);
	}
	unit_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_random),
		cmocka_unit_test(test_needed) };

	return unit_main(tests);
}
