/* The order of the rows is the order of judging; see tag.h. */
#include "policy/rules/tag.h"

const struct tag_row tag_rows[TAG_COUNT] = {
	[TAG_DAEMON] = {
		.name = "TLS_Daemon",
		.subject = SUBJECT_LISTENER,
		.stage = STAGE_MAIL,
		.what = "the listener",
	},
	[TAG_CLT] = {
		.name = "TLS_Clt",
		.subject = SUBJECT_HOST,
		.stage = STAGE_MAIL,
		.what = "the client",
	},
	[TAG_AUTH] = {
		.name = "TLS_Auth",
		.subject = SUBJECT_IDENTITY,
		.stage = STAGE_MAIL,
		.what = "the login",
	},
	[TAG_FROM] = {
		.name = "TLS_From",
		.subject = SUBJECT_MAILBOX,
		.stage = STAGE_MAIL,
		.what = "the sender",
	},
	[TAG_TO] = {
		.name = "TLS_To",
		.subject = SUBJECT_MAILBOX,
		.stage = STAGE_RCPT,
		.what = "the recipient",
	},
	[TAG_HEADER] = {
		.name = "TLS_Header",
		.subject = SUBJECT_MAILBOX,
		.stage = STAGE_HEADER,
		.what = "the header's From field",
	},
	[TAG_SRV] = {
		.name = "TLS_Srv",
		.subject = SUBJECT_HOST,
		.stage = STAGE_OUTBOUND,
		.what = "the server",
	},
	[TAG_RCPT] = {
		.name = "TLS_Rcpt",
		.subject = SUBJECT_MAILBOX,
		.stage = STAGE_OUTBOUND,
		.what = "the outbound recipient",
	},
	[TAG_TRY] = {
		.name = "Try_TLS",
		.subject = SUBJECT_HOST,
		.stage = STAGE_OUTBOUND,
		.what = "the server",
	},
	[TAG_PROFILE] = {
		.name = "Profile",
		.subject = SUBJECT_PROFILE,
		.stage = STAGE_NONE,
		.what = "the profile",
	},
	[TAG_CA] = {
		.name = "CITag",
		.subject = SUBJECT_ISSUER,
		.stage = STAGE_NONE,
		.what = "the issuer",
	},
};

bool
tag_by_name(struct slice name, enum tag *tag)
{
	enum { OTHER = 4 }; /* behind TLS_ */

	if (name.n <= OTHER)
		return false;
	for (int t = 0; t < TAG_CA; t++)
		if (text_lower(name.p[OTHER]) ==
		    text_lower(tag_rows[t].name[OTHER]) &&
		    slice_is_nocase(name, tag_rows[t].name)) {
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
		nearest_offer(nearest, slice_of(tag_rows[t].name));
}

bool
tag_is_word(struct slice name)
{
	for (size_t i = 0; i < name.n; i++) {
		int c = text_lower(name.p[i]);

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
		    c != '-' && c != '_')
			return false;
	}
	return name.n > 0;
}

bool
tag_is_ca_name(struct slice name)
{
	enum tag tag;

	return tag_is_word(name) && !tag_by_name(name, &tag);
}
