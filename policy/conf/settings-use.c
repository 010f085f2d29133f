/*
 * What settings mean: how a session is judged, who is exempt, which folder.
 */
#include <stdio.h>
#include <string.h>

#include "policy/conf/settings.h"

void
settings_eval_options(const struct settings *s, struct eval_options *options)
{
	*options = (struct eval_options){
		.default_class = s->default_class == DEFAULT_CLASS_PERM ?
		    CLASS_PERM : CLASS_TEMP,
		.on_error_accept = s->on_error == ON_ERROR_ACCEPT,
		.compat_sendmail = s->compat == COMPAT_SENDMAIL,
		.monitor = s->mode == MODE_MONITOR,
		.help_url = s->help_url,
		.local_domains = s->local_domains,
		.judge_header = s->header_from == HEADER_FROM_JUDGE,
	};
}

bool
settings_exempt(const struct settings *s, const struct facts *facts)
{
	struct netaddr addr;

	if (facts_local(facts))
		return true;
	if (!facts_address(facts, false, &addr))
		return false;
	for (unsigned i = 0; i < s->exempt.n; i++)
		if (netprefix_covers(&s->exempt.prefix[i], &addr))
			return true;
	return false;
}

void
settings_state_folder(const struct settings *s, char folder[SETTINGS_STRING_MAX])
{
	const char *path = s->state_folder;
	const char *slash = strrchr(s->store, '/'); /* absolute, as all are */

	if (path[0] != '\0')
		snprintf(folder, SETTINGS_STRING_MAX, "%s", path);
	else
		snprintf(folder, SETTINGS_STRING_MAX, "%.*s", slash == s->store ?
		    1 : (int)(slash - s->store), s->store);
}
