#include <stdlib.h>
#include <string.h>

#include "policy/commands/keep.h"
#include "policy/commands/remote.h"
#include "policy/commands/ruleset.h"
#include "policy/sync/publish.h"

static void
report_bad(void *arg, const struct sync_entry *e, const char *why, bool stays)
{
	(void)arg;
	(void)stays;
	command_say("%s: %s", e->name, why == NULL || *why == '\0' ?
	    "it cannot be taken" : why);
}

static bool
read_all(struct remote *r, const char *uri, struct fault *f)
{
	const struct slice anew = { "", 0 };
	bool forgotten;

	snprintf(r->uri, sizeof r->uri, "%s", uri);
	r->directory = directory_open(r->uri, &r->credentials.access,
	    &r->entries, f);
	if (r->directory != NULL && directory_refresh(r->directory, anew,
	    &forgotten, f))
		return true;
	directory_close(r->directory);
	r->directory = NULL;
	sync_entries_free(&r->entries);
	return false;
}

bool
remote_open(const struct context *context, struct remote *r, struct fault *f)
{
	struct slice rest = slice_of(context->settings.directory), word;
	char uri[SETTINGS_STRING_MAX];
	bool told = false;

	memset(r, 0, sizeof *r);
	sync_entries_init(&r->entries);
	if (!credentials_read(context, &r->credentials, f))
		return false;
	while (r->directory == NULL && slice_next_of(&rest, " \t", &word)) {
		if (word.n == 0)
			continue;
		if (told)
			command_fail(f);
		told = true;
		snprintf(uri, sizeof uri, "%.*s", SLICE_ARG(word));
		if (!read_all(r, uri, f))
			continue;
		r->broken = !sync_compile(&r->entries, NULL,
		    context->settings.compat == COMPAT_SENDMAIL, report_bad,
		    NULL, &r->has, f);
		return !r->broken || f->kind == FAULT_DATA;
	}
	return false;
}

void
remote_close(struct remote *r)
{
	directory_close(r->directory);
	sync_compiled_free(&r->has);
	sync_entries_free(&r->entries);
	credentials_forget(&r->credentials);
}

/* The rules of a store as text, which is to be freed. */
static bool
print_store(struct store *store, char **text, size_t *size, struct fault *f)
{
	struct store_reader reader;
	bool good;

	if (!store_begin(store, &reader, f))
		return false;
	good = ruleset_print_store(&reader, text, size, f);
	store_end(&reader);
	return good;
}

bool
remote_edit(const struct context *context, struct remote *r,
    const struct scratch_edit *edit, struct rulefile *rules, struct fault *f)
{
	struct store *store;
	char *text = NULL;
	size_t size;
	bool good;

	rulefile_init(rules, command_report_fault, NULL);
	rules->as_sendmail = context->settings.compat == COMPAT_SENDMAIL;
	if (r->broken)
		return fault_set(f, FAULT_DATA, "%s: what stands there is no "
		    "policy as a whole; build --ldap mends it", r->uri);
	if ((store = scratch_open_edited(&r->has.rules, edit, f)) == NULL)
		return false;
	good = print_store(store, &text, &size, f) && rulefile_read_text(rules,
	    slice_make(text, size), SYNC_SOURCE, f);
	store_close(store);
	free(text);
	if (good && !rulefile_finish(rules))
		good = rules->no_memory ? fault_no_memory(f) : fault_set(f,
		    FAULT_DATA, "%s is left as it was", r->uri);
	return good;
}

bool
remote_compare(struct remote *r, const struct rulefile *rules, bool json,
    size_t *changes, struct fault *f)
{
	const struct slice same = { "", 0 };
	struct difference d;
	struct publish p;
	bool good;

	good = publish_plan(&r->entries, rules, &p, f) &&
	    difference_of_generations(&r->has.rules, same, rules, same, json,
	    &d, f);
	*changes = p.n;
	if (good)
		command_say("%s: would add %zu entries, change %zu and remove "
		    "%zu", r->uri, p.count[PUBLISH_ADD],
		    p.count[PUBLISH_CHANGE], p.count[PUBLISH_REMOVE]);
	publish_free(&p);
	return good;
}

static bool
hold(const struct context *context, const struct rulefile *rules,
    struct fault *f)
{
	struct keep keep;
	bool good = keep_begin(context, &keep, f) &&
	    keep_rules(context, &keep, rules, f);

	keep_end(&keep);
	return good;
}

bool
remote_write(const struct context *context, struct remote *r,
    const struct rulefile *rules, struct fault *f)
{
	struct publish p = { .n = 0 };
	bool good = hold(context, rules, f) &&
	    publish_plan(&r->entries, rules, &p, f) &&
	    publish_do(&p, r->directory, f);

	if (good)
		command_say("%s: %s%zu entries added, %zu changed, %zu removed; "
		    "%zu rules", r->uri, p.n == 0 ? "unchanged, " : "",
		    p.count[PUBLISH_ADD], p.count[PUBLISH_CHANGE],
		    p.count[PUBLISH_REMOVE], rules->n);
	publish_free(&p);
	return good;
}
