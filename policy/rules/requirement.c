/*
 * A hand-written parser: the language is regular, its errors want columns and
 * the word that was expected, and it runs again for each rule that is judged,
 * so it must not allocate.
 *
 * Items end at "++".  A single + belongs to the value: names are written in
 * sendmail's spelling, where + and two hex digits stand for a byte.
 */
#include "policy/rules/item.h"
#include "policy/rules/requirement.h"

static const char *const class_names[] = {
	[CLASS_NONE] = "",
	[CLASS_PERM] = "PERM",
	[CLASS_TEMP] = "TEMP",
	[CLASS_WARN] = "WARN",
	[CLASS_HOLD] = "HOLD",
};

struct parser {
	struct slice text;
	size_t at;
	struct requirement *r;
	struct fault *fault;
	enum tag tag;
};

const char *
rule_class_name(enum rule_class class)
{
	return class_names[class];
}

/* What was found is the word at offset `at` of the text. */
static bool
expected(struct parser *p, size_t at, size_t length, const char *what)
{
	struct slice found;

	if (length == 0 && at < p->text.n)
		length = 1;
	found = slice_make(slice_from(p->text, at).p, length);
	if (length == 0)
		fault_set(p->fault, FAULT_DATA, "found the end of the rule; "
		    "expected %s", what);
	else
		fault_set(p->fault, FAULT_DATA, "found \"%.*s\"; expected %s",
		    SLICE_ARG(found), what);
	p->fault->column = at + 1;
	return false;
}

static struct slice
rest(const struct parser *p)
{
	return slice_from(p->text, p->at);
}

/* The characters up to the next + or the end. */
static struct slice
word(const struct parser *p)
{
	struct slice s = rest(p);

	s.n = slice_find(s, '+');
	return s;
}

static void
parse_class(struct parser *p)
{
	struct slice w = word(p);

	for (int c = CLASS_PERM; c <= CLASS_HOLD; c++)
		if (slice_is_nocase(w, class_names[c]) &&
		    p->at + w.n < p->text.n) {
			p->r->class = (enum rule_class)c;
			p->at += w.n + 1;
			return;
		}
}

static bool
parse_bits(struct parser *p, struct slice w, size_t colon)
{
	struct slice digits = slice_from(w, colon + 1);
	unsigned long bits;

	/* sendmail reads 0200 as octal: refused, not silently 200. */
	if (!text_number(digits, REQUIREMENT_BITS_MAX, &bits) ||
	    (digits.n > 1 && digits.p[0] == '0'))
		return expected(p, p->at + colon + 1, digits.n,
		    "a number of bits, 0 to 65535 in decimal");
	p->r->has_bits = true;
	p->r->bits = (unsigned)bits;
	return true;
}

/* DANE is for outbound tags: only a server publishes its certificate. */
static bool
parse_dane(struct parser *p, struct slice w, enum tag tag)
{
	if (tag != TAG_SRV && tag != TAG_RCPT && tag != TAG_PROFILE)
		return expected(p, p->at, w.n, "VERIFY, VERIFY:bits or "
		    "ENCR:bits (DANE is a need of TLS_Srv and TLS_Rcpt)");
	if (slice_is_nocase(w, "DANE"))
		p->r->need = NEED_DANE;
	else if (slice_is_nocase(w, "DANE:may"))
		p->r->need = NEED_DANE_MAY;
	else
		return expected(p, p->at, w.n, "DANE or DANE:may");
	p->at += w.n;
	return true;
}

static bool
misplaced_profile(struct parser *p, struct slice word)
{
	return expected(p, p->at, word.n, "AS:profile at the beginning, in "
	    "place of class and need");
}

static bool
parse_need(struct parser *p, enum tag tag)
{
	static const char *const needs = "VERIFY, VERIFY:bits or ENCR:bits";
	struct slice w = word(p);
	size_t colon = slice_find(w, ':');
	struct slice name = slice_make(w.p, colon);

	if (slice_is_nocase(name, "DANE"))
		return parse_dane(p, w, tag);
	if (slice_is_nocase(name, "AS"))
		return misplaced_profile(p, w);
	if (slice_is_nocase(name, "VERIFY"))
		p->r->need = NEED_VERIFY;
	else if (slice_is_nocase(name, "ENCR") && colon < w.n)
		p->r->need = NEED_ENCR;
	else if (slice_is_nocase(name, "ENCR"))
		return expected(p, p->at, w.n, "ENCR:bits, as in ENCR:128");
	else
		return expected(p, p->at, w.n, p->r->class != CLASS_NONE ||
		    p->tag == TAG_PROFILE ? needs : "OK, VERIFY, VERIFY:bits "
		    "or ENCR:bits, or one of PERM+, TEMP+, WARN+, HOLD+ "
		    "before it");
	if (colon < w.n && !parse_bits(p, w, colon))
		return false;
	p->at += w.n;
	return true;
}

/* Offset of the next "++" from `at` on, or the end of the text. */
static size_t
next_item(const struct parser *p, size_t at)
{
	for (size_t i = at; i + 1 < p->text.n; i++)
		if (p->text.p[i] == '+' && p->text.p[i + 1] == '+')
			return i;
	return p->text.n;
}

/*
 * Where the item that begins at p->at ends.  MSG takes all that follows; a
 * name goes on over a "++" when no item stands behind that: CN:a++b.
 */
static size_t
item_end(const struct parser *p, const struct item_row *row, bool has_value)
{
	size_t end = next_item(p, p->at);

	if (row->last)
		return p->text.n;
	while (has_value && item_is_name(row) && end + 2 < p->text.n) {
		size_t next = next_item(p, end + 2);
		struct slice word = slice_make(p->text.p + end + 2,
		    next - end - 2);

		if (word.n == 0 || slice_find(word, ':') < word.n ||
		    item_find(word) != NULL)
			break;
		end = next;
	}
	return end;
}

static bool
set_date(struct parser *p, const struct item_row *row, struct slice value)
{
	int32_t *day = row->id == ITEM_FROM ? &p->r->from : &p->r->until;

	if (*day != DAY_ALWAYS_FROM && *day != DAY_ALWAYS_UNTIL)
		return expected(p, p->at, slice_find(rest(p), '+'),
		    "FROM and UNTIL only once each");
	day_parse(value, day);
	if (p->r->from > p->r->until)
		return expected(p, p->at, slice_find(rest(p), '+'),
		    "an UNTIL that is not before its FROM");
	return true;
}

static bool
set_note(struct parser *p, const struct item_row *row, struct slice value)
{
	if (row->id == ITEM_BY)
		p->r->by = value;
	else if (row->id == ITEM_MSG)
		p->r->msg = value;
	else if (row->id == ITEM_WHEN)
		p->r->nwhen++;
	else
		return set_date(p, row, value);
	return true;
}

static bool
check_value(struct parser *p, const struct item_row *row, struct slice item,
    size_t colon, struct slice *value)
{
	const char *why;

	*value = slice_make(item.p + item.n, 0);
	if (colon == item.n) {
		if (row->value != VALUE_REQUIRED)
			return true;
		return expected(p, p->at, item.n, row->expected);
	}
	*value = slice_from(item, colon + 1);
	if (row->value == VALUE_NONE || value->n == 0)
		return expected(p, p->at, item.n, row->expected);
	if (!row->last && (slice_find(*value, ' ') < value->n ||
	    slice_find(*value, '\t') < value->n))
		return expected(p, p->at, item.n,
		    "no blanks (write +20 for one)");
	why = row->check == NULL ? NULL : row->check(*value);
	return why == NULL || expected(p, p->at + colon + 1, value->n, why);
}

static bool
no_such_item(struct parser *p, struct slice item)
{
	char names_text[160];
	struct text names;

	text_init(&names, names_text, sizeof names_text);
	item_print_names(&names);
	return expected(p, p->at, item.n, names.buf);
}

static bool
is_condition(const struct item_row *row)
{
	return row->id == ITEM_FROM || row->id == ITEM_UNTIL ||
	    row->id == ITEM_WHEN;
}

/* Mail that leaves has no client. */
static bool
not_inbound(struct parser *p, const struct item_row *row, struct slice item)
{
	char what_text[96];
	struct text what;

	text_init(&what, what_text, sizeof what_text);
	text_printf(&what, "another item (%s is about mail that comes in, "
	    "%s is not)", row->name, tag_row(p->tag)->name);
	return expected(p, p->at, item.n, what.buf);
}

static bool
parse_item(struct parser *p)
{
	struct slice item = slice_make(p->text.p + p->at,
	    next_item(p, p->at) - p->at), value;
	size_t colon = slice_find(item, ':');
	const struct item_row *row = item_find(slice_make(item.p, colon));

	if (row == NULL)
		return slice_is_nocase(slice_make(item.p, colon), "AS") ?
		    misplaced_profile(p, item) : no_such_item(p, item);
	if (p->tag == TAG_PROFILE && is_condition(row))
		return expected(p, p->at, item.n, "no conditions, which belong "
		    "to the lines that name the profile");
	if (row->inbound && tag_row(p->tag)->stage == STAGE_OUTBOUND)
		return not_inbound(p, row, item);
	item.n = item_end(p, row, colon < item.n) - p->at;
	if (!check_value(p, row, item, colon, &value))
		return false;
	if (row->test == NULL && !set_note(p, row, value))
		return false;
	if (p->r->nitems == REQUIREMENT_ITEMS_MAX)
		return expected(p, p->at, item.n, "at most 24 items");
	p->r->items[p->r->nitems++] = (struct item){ row, value, p->at };
	p->at += item.n;
	return true;
}

static bool
parse_items(struct parser *p)
{
	if (p->at == p->text.n)
		return true;
	p->at++; /* word() ended at this + */
	while (parse_item(p)) {
		if (p->at == p->text.n)
			return true;
		p->at += 2; /* item_end() ended at this ++ */
	}
	return false;
}

/* AS:profile, whose class is not this line's affair, and more items. */
static bool
parse_profile(struct parser *p, enum tag tag)
{
	size_t end = next_item(p, 3);
	struct slice name = slice_make(p->text.p + 3, end - 3);

	if (tag == TAG_PROFILE)
		return expected(p, 0, end, "the requirement itself, as a "
		    "profile names no other");
	if (!tag_is_word(name))
		return expected(p, 3, name.n, "the name of a profile: "
		    "letters, digits, - and _, and ++ before an item");
	p->r->need = NEED_AS;
	p->r->profile = name;
	p->at = end;
	if (end == p->text.n)
		return true;
	p->at = end + 1; /* parse_items() goes on behind the second + */
	return parse_items(p);
}

/* Rules that are one word: OK, and for Try_TLS also NO. */
static bool
parse_word_only(struct parser *p, enum tag tag)
{
	struct slice w = rest(p);

	if (slice_is_nocase(w, "OK"))
		p->r->need = NEED_OK;
	else if (tag == TAG_TRY && slice_is_nocase(w, "NO"))
		p->r->need = NEED_NO;
	else
		return expected(p, 0, w.n, tag == TAG_TRY ? "NO or OK" :
		    "OK, the only word for an acceptable issuer");
	return true;
}

static bool
check_ok_alone(struct parser *p)
{
	if (slice_is_nocase(word(p), "OK") && p->tag != TAG_PROFILE)
		return expected(p, 0, p->text.n, "OK alone (an exception with "
		    "an end or a note is written ENCR:0+UNTIL:date++BY:text)");
	return true;
}

bool
requirement_parse(struct slice text, enum tag tag, struct requirement *r,
    struct fault *fault)
{
	struct parser p = { .text = text, .r = r, .fault = fault, .tag = tag };

	r->class = CLASS_NONE;
	r->has_bits = false;
	r->bits = r->nitems = r->nwhen = 0;
	r->from = DAY_ALWAYS_FROM;
	r->until = DAY_ALWAYS_UNTIL;
	r->by = r->msg = r->profile = slice_make("", 0);
	if (text.n > REQUIREMENT_TEXT_MAX)
		return expected(&p, REQUIREMENT_TEXT_MAX, 1,
		    "at most 1024 bytes");
	if (tag == TAG_TRY || tag == TAG_CA)
		return parse_word_only(&p, tag);
	if (slice_is_nocase(text, "OK") && tag != TAG_PROFILE) {
		r->need = NEED_OK;
		return true;
	}
	parse_class(&p);
	if (p.at == 0 && slice_starts_nocase(text, "AS:"))
		return parse_profile(&p, tag);
	return check_ok_alone(&p) && parse_need(&p, tag) && parse_items(&p);
}

const char *
requirement_need_name(const struct requirement *r)
{
	static const char *const names[] = {
		[NEED_OK] = "OK",
		[NEED_NO] = "NO",
		[NEED_VERIFY] = "VERIFY",
		[NEED_ENCR] = "ENCR",
		[NEED_DANE] = "DANE",
		[NEED_DANE_MAY] = "DANE:may",
		[NEED_AS] = "AS",
	};

	return names[r->need];
}

void
requirement_print(const struct requirement *r, struct text *out)
{
	if (r->need == NEED_OK || r->need == NEED_NO) {
		text_puts(out, requirement_need_name(r));
		return;
	}
	if (r->class != CLASS_NONE)
		text_printf(out, "%s+", class_names[r->class]);
	text_puts(out, requirement_need_name(r));
	if (r->need == NEED_AS) {
		text_char(out, ':');
		text_put(out, r->profile);
	}
	if (r->has_bits)
		text_printf(out, ":%u", r->bits);
	for (unsigned i = 0; i < r->nitems; i++) {
		const struct item *item = &r->items[i];

		text_printf(out, "%s%s", i == 0 && r->need != NEED_AS ? "+" :
		    "++", item->row->name);
		if (item->value.n > 0) {
			text_char(out, ':');
			text_put(out, item->value);
		}
	}
}

bool
requirement_is_dated(const struct requirement *r)
{
	return r->from != DAY_ALWAYS_FROM || r->until != DAY_ALWAYS_UNTIL;
}

bool
requirement_is_conditional(const struct requirement *r)
{
	return requirement_is_dated(r) || r->nwhen > 0;
}

bool
requirement_counts_on(const struct requirement *r, int32_t day)
{
	return day >= r->from && day <= r->until;
}
