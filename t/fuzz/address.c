/* An envelope address, a domain, a network: canonical is canonical. */
#include "t/fuzz/fuzz.h"

#include "policy/base/netaddr.h"
#include "policy/base/punycode.h"
#include "policy/facts/mailbox.h"
#include "policy/facts/spelling.h"

static void
check_domain(struct slice name)
{
	char first[DOMAIN_TEXT_MAX], second[DOMAIN_TEXT_MAX], small[17];
	struct text out, again;

	text_init(&out, first, sizeof first);
	if (domain_canonical(name, &out)) {
		text_init(&again, second, sizeof second);
		/* One dot at the end is no part of a name; two are odd. */
		if (out.n == 0 || first[out.n - 1] != '.') {
			domain_canonical(slice_make(first, out.n), &again);
			FUZZ_CHECK(out.n == again.n &&
			    memcmp(first, second, out.n) == 0);
		}
	}
	FUZZ_CHECK(domain_reverse(slice_make(first, out.n), true, small,
	    sizeof small) <= sizeof small);
}

/* A label is one of DNS, or as it was. */
static void
check_label(struct slice label)
{
	char memory[DOMAIN_TEXT_MAX];
	struct text out;
	bool good;

	text_init(&out, memory, sizeof memory);
	good = punycode_put_label(&out, label);
	FUZZ_CHECK(good ? out.n > 0 && out.n < 64 : out.n == 0);
	for (size_t i = 0; i < out.n; i++)
		FUZZ_CHECK(strchr("-_0123456789abcdefghijklmnopqrstuvwxyz",
		    memory[i]) != NULL);
}

static bool
same_local(const struct mailbox *a, const struct mailbox *b)
{
	return slice_equal(a->local, b->local) && a->local_cut == b->local_cut;
}

/* The form of a form is itself. */
static void
check_form(struct slice local)
{
	struct mailbox once, twice;
	struct slice none = slice_make("", 0);

	for (size_t i = 0; i < local.n; i++)
		if (local.p[i] == '"' || local.p[i] == '\\')
			return;
	mailbox_make(local, none, &once);
	mailbox_make(once.local, none, &twice);
	if (!once.local_cut && !once.unread && slice_find(once.local, '"') ==
	    once.local.n && slice_find(once.local, '\\') == once.local.n)
		FUZZ_CHECK(same_local(&once, &twice));
}

static void
check_mailbox(struct slice address)
{
	struct mailbox m;

	mailbox_parse(address, &m);
	FUZZ_CHECK(m.local.n < MAILBOX_LOCAL_MAX &&
	    m.domain.n < DOMAIN_TEXT_MAX && m.user.n <= m.local.n);
	FUZZ_CHECK(!m.null_sender || m.local.n + m.domain.n == 0);
	for (size_t i = 0; i < m.local.n; i++)
		FUZZ_CHECK(m.local.p[i] < 'A' || m.local.p[i] > 'Z');
}

static void
check_spellings(struct slice address)
{
	struct spellings s;

	spellings_find(address, address, slice_of("mx.b.test b.test"),
	    slice_of("mx.b.test"), &s);
	FUZZ_CHECK(s.n >= 1 && s.n <= SPELLINGS_MAX);
	spellings_find(slice_of("a@b.test"), address, slice_make("", 0),
	    slice_make("", 0), &s);
	FUZZ_CHECK(s.n >= 1 && s.n <= SPELLINGS_MAX);
}

static void
check_network(struct slice text)
{
	struct netprefix prefix, again;
	char buf[NETADDR_TEXT_MAX];
	struct text out;

	if (netprefix_parse(text, &prefix) != NETPREFIX_OK)
		return;
	FUZZ_CHECK(prefix.bits <= netaddr_bits(&prefix.addr));
	FUZZ_CHECK(netprefix_covers(&prefix, &prefix.addr));
	text_init(&out, buf, sizeof buf);
	netprefix_print(&prefix, &out);
	FUZZ_CHECK(!out.cut);
	/* ::ffff:0:0/95 and shorter hold mapped addresses, written as v6. */
	if (netprefix_parse(slice_make(buf, out.n), &again) == NETPREFIX_OK)
		FUZZ_CHECK(memcmp(&prefix, &again, sizeof prefix) == 0 ||
		    again.addr.family == 4);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = slice_make((const char *)data, size);
	struct fault fault;
	struct key key;

	check_mailbox(text);
	check_form(text);
	check_label(text);
	check_spellings(text);
	check_domain(text);
	check_network(text);
	for (int tag = 0; tag < TAG_COUNT; tag++)
		if (key_of((enum tag)tag, text, &key, &fault))
			FUZZ_CHECK(key.n <= 511);
	return 0;
}
