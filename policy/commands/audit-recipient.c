/*
 * Recorded mail by whom it was to, as typed and as the MTA understood it; and by
 * whom its header says that it is from.
 */
#include <string.h>

#include "policy/commands/audit-filter.h"
#include "policy/commands/audit.h"
#include "policy/facts/organisation.h"
#include "policy/facts/spelling.h"

bool
audit_is_recipient(const char *word)
{
	struct mailbox box;
	const char *at = strrchr(word, '@');

	if (at == NULL)
		return audit_is_domain(word);
	if (strpbrk(word, " <>*") != NULL || !audit_is_domain(at + 1))
		return false;
	mailbox_parse(slice_of(word), &box);
	return box.local.n > 0 && !box.local_cut && box.domain.n > 0;
}

static bool
is_box(const struct mailbox *form, const struct mailbox *wanted)
{
	return slice_equal(form->local, wanted->local) &&
	    slice_equal(form->domain, wanted->domain);
}

/*
 * Is one of the mailboxes that the recipient may stand for wanted?  As TLS_To.
 */
static bool
stands_for(const struct reader_record *r, size_t i, const char *word,
    struct slice local_domains)
{
	struct slice none = slice_make("", 0);
	struct spellings all;
	struct mailbox wanted;

	mailbox_parse(slice_of(word), &wanted);
	spellings_find(r->rcpts[i], r->resolved != NULL ? r->resolved[i] : none,
	    local_domains, facts_value(&r->facts, FACT_NODE), &all);
	for (unsigned k = 0; k < all.n; k++)
		if (strchr(word, '@') != NULL ? is_box(&all.form[k], &wanted) :
		    organisation_covers(slice_of(word), all.form[k].domain))
			return true;
	return false;
}

bool
audit_is_to(const char *word, const struct reader_record *r,
    const char *local_domains)
{
	char local_text[SETTINGS_STRING_MAX];
	struct text local;

	text_init(&local, local_text, sizeof local_text);
	spelling_local_domains(&r->facts, local_domains, &local);
	for (size_t i = 0; i < r->nrcpts; i++)
		if (stands_for(r, i, word, slice_make(local.buf, local.n)))
			return true;
	return false;
}

bool
audit_is_from(struct slice domain, const struct reader_record *r,
    const char *local_domains)
{
	char local_text[SETTINGS_STRING_MAX];
	struct spellings all;
	struct text local;

	text_init(&local, local_text, sizeof local_text);
	spelling_local_domains(&r->facts, local_domains, &local);
	spellings_find(facts_value(&r->facts, FACT_MAIL_ADDR),
	    facts_value(&r->facts, FACT_MAIL_RESOLVED),
	    slice_make(local.buf, local.n), slice_make("", 0), &all);
	for (unsigned i = 0; i < all.n; i++)
		if (organisation_covers(domain, all.form[i].domain))
			return true;
	return false;
}

bool
audit_header_covers(struct slice domain, const struct facts *facts)
{
	struct slice rest = facts_value(facts, FACT_HEADER_FROM), mailbox;
	const struct slice none = slice_make("", 0);
	struct spellings all;

	while (slice_next(&rest, '\n', &mailbox)) {
		spellings_find(mailbox, none, none, none, &all);
		for (unsigned i = 0; i < all.n; i++)
			if (organisation_covers(domain, all.form[i].domain))
				return true;
	}
	return false;
}
