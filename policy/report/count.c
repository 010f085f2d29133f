#include <ctype.h>
#include <stdio.h>

#include "policy/report/count.h"

static const char *const version_names[REPORT_VERSIONS] = {
	[REPORT_TLS13] = "TLS 1.3",
	[REPORT_TLS12] = "TLS 1.2",
	[REPORT_TLS11] = "TLS 1.1",
	[REPORT_TLS10] = "TLS 1.0",
	[REPORT_TLS_OTHER] = "other",
};

/* Of a group the row of its first counter is that of all. */
static const struct report_row rows[REPORT_COUNTERS] = {
	[COUNT_MAILS] = { .name = "mails", .label = "mails let through",
	    .always = true, .head = "mails", .cell = "mails" },
	[COUNT_TLS] = { .name = "tls", .label = "over TLS", .always = true,
	    .share = true, .head = "TLS", .cell = "over TLS" },
	[COUNT_VERSION] = { .group = GROUP_VERSION, .name = "versions" },
	[COUNT_CLEAR] = { .label = "in clear", .always = true, .share = true,
	    .head = "clear", .cell = "in clear", .page_only = true },
	[COUNT_UNTOLD] = { .name = "untold",
	    .label = "over TLS or in clear, not told", .share = true },
	[COUNT_VERIFIED] = { .name = "verified",
	    .label = "with a verified certificate", .always = true,
	    .share = true, .head = "verified", .cell = "verified" },
	[COUNT_HELD] = { .name = "held", .label = "held in quarantine" },
	[COUNT_REFUSED] = { .name = "refused", .label = "attempts refused",
	    .head = "refused", .cell = "refused" },
	[COUNT_WOULD] = { .name = "would", .label = "would have been refused",
	    .head = "would be", .cell = "would be" },
	[COUNT_REFUSED_FOR] = { .group = GROUP_REFUSED, .name = "refused_for" },
	[COUNT_WOULD_FOR] = { .group = GROUP_WOULD, .name = "would_for" },
	[COUNT_EXEMPT] = { .name = "exempt",
	    .label = "from exempt clients, apart" },
	[COUNT_ABORTED] = { .name = "aborted",
	    .label = "given up by the client" },
	[COUNT_AGAINST] = { .name = "against",
	    .label = "against what the MTA was told" },
	[COUNT_HANDSHAKES] = { .name = "handshakes",
	    .label = "handshakes with servers, apart" },
	[COUNT_FAILED] = { .name = "failed",
	    .label = "of these without the TLS that was wanted" },
};

const char *
report_version_name(enum report_version version)
{
	return version_names[version];
}

/* Of a group all but the first have no row of their own. */
static unsigned
first_of(unsigned counter)
{
	while (rows[counter].name == NULL && rows[counter].label == NULL)
		counter--;
	return counter;
}

const struct report_row *
report_row(enum report_counter counter)
{
	return &rows[first_of(counter)];
}

/* Nothing is refused for REASON_NONE. */
const char *
report_member(enum report_counter counter)
{
	unsigned member = counter - first_of(counter);

	switch (report_row(counter)->group) {
	case GROUP_VERSION:
		return version_names[member];
	case GROUP_REFUSED:
	case GROUP_WOULD:
		return member == REASON_NONE ? NULL :
		    reason_name((enum reason)member);
	case GROUP_NONE:
		break;
	}
	return report_row(counter)->name;
}

/* "TLS 1.2" as "tls_1_2", "other" as "tls_other". */
static void
put_version(enum report_version version, char out[REPORT_COLUMN_MAX])
{
	snprintf(out, REPORT_COLUMN_MAX, "%s%s", version == REPORT_TLS_OTHER ?
	    "tls_" : "", version_names[version]);
	for (char *p = out; *p != '\0'; p++)
		*p = *p == ' ' || *p == '.' ? '_' :
		    (char)tolower((unsigned char)*p);
}

void
report_column(enum report_counter counter, char out[REPORT_COLUMN_MAX])
{
	const struct report_row *row = report_row(counter);
	const char *member = report_member(counter);

	out[0] = '\0';
	if (member == NULL)
		return;
	if (row->group == GROUP_VERSION)
		put_version((enum report_version)((int)counter - COUNT_VERSION),
		    out);
	else
		snprintf(out, REPORT_COLUMN_MAX, "%s%s",
		    row->group == GROUP_REFUSED ? "refused_" :
		    row->group == GROUP_WOULD ? "would_" : "", member);
}

void
report_count_add(struct report_count *to, const struct report_count *from)
{
	for (int i = 0; i < REPORT_COUNTERS; i++)
		to->n[i] += from->n[i];
}
