/* The order of the rows is the order of judging; see tag.h. */
#include "policy/rules/tag.h"

static const struct tag_row rows[TAG_COUNT] = {
	[TAG_DAEMON] = { "TLS_Daemon", SUBJECT_LISTENER, STAGE_MAIL,
	    "the listener" },
	[TAG_CLT] = { "TLS_Clt", SUBJECT_HOST, STAGE_MAIL, "the client" },
	[TAG_AUTH] = { "TLS_Auth", SUBJECT_IDENTITY, STAGE_MAIL,
	    "the login" },
	[TAG_FROM] = { "TLS_From", SUBJECT_MAILBOX, STAGE_MAIL,
	    "the sender" },
	[TAG_TO] = { "TLS_To", SUBJECT_MAILBOX, STAGE_RCPT,
	    "the recipient" },
	[TAG_SRV] = { "TLS_Srv", SUBJECT_HOST, STAGE_OUTBOUND, "the server" },
	[TAG_RCPT] = { "TLS_Rcpt", SUBJECT_MAILBOX, STAGE_OUTBOUND,
	    "the outbound recipient" },
	[TAG_TRY] = { "Try_TLS", SUBJECT_HOST, STAGE_OUTBOUND,
	    "the server" },
	[TAG_CA] = { "CITag", SUBJECT_ISSUER, STAGE_NONE, "the issuer" },
};

const struct tag_row *
tag_row(enum tag tag)
{
	return &rows[tag];
}

bool
tag_by_name(struct slice name, enum tag *tag)
{
	for (int t = 0; t < TAG_CA; t++)
		if (slice_is_nocase(name, rows[t].name)) {
			*tag = (enum tag)t;
			return true;
		}
	return false;
}

void
tag_nearest(struct slice name, struct nearest *nearest)
{
	nearest_init(nearest, name);
	for (int t = 0; t < TAG_CA; t++)
		nearest_offer(nearest, slice_of(rows[t].name));
}

bool
tag_is_ca_name(struct slice name)
{
	enum tag tag;

	for (size_t i = 0; i < name.n; i++) {
		int c = text_lower(name.p[i]);

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
		    c != '-' && c != '_')
			return false;
	}
	return name.n > 0 && !tag_by_name(name, &tag);
}
